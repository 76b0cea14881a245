"""Which operators an edge program calls itself, and whether ExecuTorch has kernels for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..errors import UnsupportedOperators
from .source_lines import line_of
from .upstream.exir import EdgeOpOverload, runtime, to_out_variant

_CONVOLUTION = torch.ops.aten.convolution.default
_VOLUME = 5  # batch, channels and three axes


def refuse_unsupported(program: ExportedProgram, *, besides: str = "") -> None:
    """Raise UnsupportedOperators that names every operator without a kernel, with the model's lines.

    `besides` is a namespace whose kernels are elsewhere, as a backend's own.
    """
    kernels = frozenset(runtime._get_operator_names())
    missing: dict[str, None] = {}
    for node in _operator_nodes(program.graph_module):
        reason = "" if besides and _operator(node).namespace == besides else _why_unsupported(node, kernels)
        if reason:
            missing.setdefault(f"{_name(node)}: {reason}{line_of(node)}")
    if missing:
        raise UnsupportedOperators(
            f"ExecuTorch cannot run {len(missing)} operators of the model:\n  " + "\n  ".join(missing),
            fix="write these lines with other operators, or leave this format out with --to",
        )


def kernels_beside_delegate(program: ExportedProgram, backend: str) -> tuple[str, ...]:
    """A note that counts the operators which portable kernels compute beside the XNNPACK delegate."""
    counts = Counter(_name(node) for node in _operator_nodes(program.graph_module))
    if backend == "portable" or not counts:
        return ()
    listed = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
    return (f"on portable kernels, outside XNNPACK: {listed}",)


def _operator_nodes(module: fx.GraphModule) -> Iterator[fx.Node]:
    """Calls of tensor operators in the graph and in the bodies of its loops and branches."""
    for node in module.graph.nodes:
        if node.op == "call_function" and isinstance(node.target, (EdgeOpOverload, torch._ops.OpOverload)):
            yield node
    for name, child in module.named_children():
        if isinstance(child, fx.GraphModule) and not name.startswith("lowered_module"):
            yield from _operator_nodes(child)


def _operator(node: fx.Node) -> Any:
    return node.target._op if isinstance(node.target, EdgeOpOverload) else node.target


def _name(node: fx.Node) -> str:
    return str(_operator(node)).removesuffix(".default")


def _why_unsupported(node: fx.Node, kernels: frozenset[str]) -> str:
    operator = _operator(node)
    if not any(isinstance(result.type, (torch.TensorType, torch.ListType)) for result in operator._schema.returns):
        return ""
    try:
        variant = (
            node.target.to_out_variant() if isinstance(node.target, EdgeOpOverload) else to_out_variant(operator)[0]
        )
    except RuntimeError:
        return "no out variant"
    if variant.name() not in kernels:
        return "no kernel in the runtime"
    return "its kernel takes no volumes" if operator is _CONVOLUTION and _rank(node.args[0]) == _VOLUME else ""


def _rank(node: Any) -> int:
    return int(node.meta["val"].dim())
