"""Which operators of a program the ONNX exporter has no translation for, all at once and with the model's lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import fx
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.onnx._internal.exporter import _decomp, _registration

from .source_lines import line_of


def untranslatable(program: ExportedProgram, known: frozenset[Any]) -> list[str]:
    """One text for each such operator, "aten.special_airy_ai (net.py:12, in forward)".

    `known` are the operators with translations of our own. The program is decomposed as the exporter does it
    (torch 2.13: the exporter itself stops at the first operator that it does not know).
    """
    registry = _registration.ONNXRegistry.from_torchlib()
    translated = {*_decomp.get_onnx_implemented_overloads(registry), *known}
    table: Any = _decomp.create_onnx_friendly_decomposition_table(translated)
    decomposed = program.run_decompositions(table)
    found = {
        f"{str(target).removesuffix('.default')}{line_of(node)}": None
        for node, target in _calls(decomposed.graph_module)
        if target not in known and not registry.is_registered(target)
    }
    return list(found)


def _calls(module: fx.GraphModule) -> Iterator[tuple[fx.Node, OpOverload[Any, Any]]]:
    """Calls of tensor operators with what they call; Python's own functions on sizes are the exporter's concern."""
    for node in module.graph.nodes:
        if node.op == "call_function" and isinstance(node.target, OpOverload):
            yield node, node.target
