"""Turns a program into ExecuTorch's edge dialect and gives XNNPACK every operator that it can really take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..errors import ConversionError
from .source_lines import line_of
from .upstream.exir import (
    EdgeCompileConfig,
    XnnpackPartitioner,
    default_decomposition_table,
    edge_manager_for,
    preservable,
)

_METHOD = "forward"
_ORIGIN = "edgeproof_origin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegated:
    """An edge program after delegation, and what a user should know about it."""

    manager: Any
    notes: tuple[str, ...] = ()

    @property
    def program(self) -> ExportedProgram:
        """The program with its calls of the delegate."""
        return self.manager.exported_program(_METHOD)


class _SelectivePartitioner(XnnpackPartitioner):  # type: ignore[misc]
    """XNNPACK's own partitioner, except for operators that are kept out by the node they come from."""

    def __init__(self, kept_out: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._kept_out = kept_out

    def get_matched_nodes_from_configs(self, ep: ExportedProgram) -> list[list[fx.Node]]:
        matches = super().get_matched_nodes_from_configs(ep)
        return [match for match in matches if not any(self._is_kept_out(node) for node in match)]

    def ops_to_not_decompose(self, ep: ExportedProgram) -> tuple[list[Any], Callable[[fx.Node], bool]]:
        operators, is_taken = super().ops_to_not_decompose(ep)
        return operators, lambda node: not self._is_kept_out(node) and is_taken(node)

    def _check_if_called_from_to_backend(self) -> bool:
        return False  # its warning is for those who leave out what _edge does

    def _is_kept_out(self, node: fx.Node) -> bool:
        return _origin(node) in self._kept_out


def delegate(program: ExportedProgram, *, to_xnnpack: bool) -> Delegated:
    """The program in edge dialect, delegated to XNNPACK if wanted.

    Where XNNPACK accepts operators and then fails on them, the fewest operators that make it work stay on the
    portable kernels, and a note names them. Raises ConversionError if that does not help either.
    """
    if not to_xnnpack:
        return Delegated(manager=_edge(program, None))
    edge = _edge(program, _SelectivePartitioner())
    try:
        return Delegated(manager=_to_backend(edge, frozenset()))
    except Exception as error:  # noqa: BLE001 - whatever it is, the culprits are looked for
        return _without_culprits(_with_origins(program), error)


def _edge(program: ExportedProgram, partitioner: XnnpackPartitioner | None) -> Any:
    """ExecuTorch's edge program manager (what to_edge_transform_and_lower does before it delegates)."""
    partitioners = {_METHOD: [] if partitioner is None else [partitioner]}
    # The verifier refuses operators outside Core ATen even where a kernel exists, and names them one at a
    # time; refuse_unsupported judges by the kernels there are.
    config = EdgeCompileConfig(_check_ir_validity=False)
    try:
        with torch.no_grad():
            program = _decomposed(program, partitioner)
            return edge_manager_for(partitioners, {_METHOD: program}, config, None)
    except Exception as error:
        raise ConversionError(
            f"ExecuTorch could not take the program: {type(error).__name__}: {str(error).strip()}",
            fix="read the log for the operator; another format may have it",
        ) from error


def _decomposed(program: ExportedProgram, partitioner: XnnpackPartitioner | None) -> ExportedProgram:
    """The program in the operators of Core ATen and those that XNNPACK has besides, in one trace."""
    table = default_decomposition_table()
    preserved = [] if partitioner is None else partitioner.ops_to_not_decompose(program)[0]
    for operator in preservable(preserved):
        table.pop(operator, None)
    return program.run_decompositions(table)


def _to_backend(edge: Any, kept_out: frozenset[str]) -> Any:
    with torch.no_grad():
        return edge.to_backend({_METHOD: _SelectivePartitioner(kept_out)})


def _with_origins(program: ExportedProgram) -> ExportedProgram:
    """The program with every node marked, so that what it is decomposed into can be told."""
    for node in program.graph.nodes:
        if node.op == "call_function":
            node.meta["custom"] = {**node.meta.get("custom", {}), _ORIGIN: node.name}
    return program


def _origin(node: fx.Node) -> str:
    custom = node.meta.get("custom")
    return str(custom.get(_ORIGIN, "")) if isinstance(custom, dict) else ""


def _without_culprits(program: ExportedProgram, error: Exception) -> Delegated:
    edge = _edge(program, _SelectivePartitioner())
    culprits = _culprits(edge, [node.name for node in program.graph.nodes if node.op == "call_function"])
    try:
        manager = _to_backend(_edge(program, _SelectivePartitioner(culprits)), culprits)
    except Exception as again:
        raise ConversionError(
            f"XNNPACK accepted operators of the model and then failed: {_cause(error)}",
            fix="--backend portable leaves XNNPACK out",
        ) from again
    return Delegated(manager=manager, notes=(_told(program, culprits, error),))


def _culprits(edge: Any, origins: list[str]) -> frozenset[str]:
    """The operators without which XNNPACK lowers the rest; found one after another by halving.

    Lowering with the first n operators works for n = 0; the smallest n for which it fails ends with a culprit.
    """
    culprits: frozenset[str] = frozenset()
    while not _lowers(edge, culprits):
        works, fails = 0, len(origins)
        while fails - works > 1:
            middle = (works + fails) // 2
            if _lowers(edge, culprits | frozenset(origins[middle:])):
                works = middle
            else:
                fails = middle
        culprits |= {origins[fails - 1]}
    needed = culprits
    for name in sorted(culprits):
        if len(culprits) > 1 and _lowers(edge, needed - {name}):
            needed -= {name}
    return needed


def _lowers(edge: Any, kept_out: frozenset[str]) -> bool:
    try:
        _to_backend(edge, kept_out)
    except Exception:  # noqa: BLE001 - the question is whether it fails, the reason was kept the first time
        return False
    return True


def _told(program: ExportedProgram, culprits: frozenset[str], error: Exception) -> str:
    nodes = [node for node in program.graph.nodes if node.name in culprits]
    named = Counter(f"{node.target}{line_of(node)}" for node in nodes)
    listed = ", ".join(name if count == 1 else f"{name} ({count} times)" for name, count in named.items())
    return f"kept out of XNNPACK, which failed on them ({_cause(error)}): {listed}"


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
