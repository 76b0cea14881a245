"""Computes once, before conversion, what a program would compute from its constants at every call."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..quantization.operators import NAMESPACE
from .aliases import changed_in_place
from .constants import ConstantEdit, constants_of
from .node_writer import erase_unused

# A folded constant may be this many times larger than what it was made from, or this large in any case: an
# artifact must not swell because a mask of ones was written out.
_GROWTH = 4
_SMALL_BYTES = 1 << 16


def fold_constants(program: ExportedProgram) -> ExportedProgram:
    """Replace every value that depends on constants alone by a constant; random and in-place operators stay.

    Keras models under the torch backend transpose their kernels in the graph, weight normalisation divides
    them: no delegate takes a convolution whose kernel is computed.
    """
    edit = ConstantEdit(program)
    known = _Folding(edit.graph, constants_of(program))
    kept = [node for node in known.small if any(user not in known.small for user in node.users)]
    tensors = [node for node in kept if isinstance(known.values[node], torch.Tensor)]
    if not tensors:
        return program
    for number, node in enumerate(tensors):
        constant = edit.add(f"folded_{number}", _own_memory(known.values[node]))
        constant.meta.update({key: value for key, value in node.meta.items() if key == "stack_trace"})
        edit.replace(node, constant)
    erase_unused(edit.graph, known.small)
    edit.drop_unused()
    return edit.program()


class _Folding:
    """`values` of the nodes that can be computed now; `small` are those among them, in order, worth keeping."""

    def __init__(self, graph: fx.Graph, constants: dict[str, torch.Tensor]) -> None:
        changed = changed_in_place(graph)
        self.values: dict[fx.Node, Any] = {}
        self._weight: dict[fx.Node, int] = {}
        self.small: dict[fx.Node, None] = {}
        for node in graph.nodes:
            if node.op == "placeholder" and node.name in constants and node not in changed:
                self.values[node] = constants[node.name].detach()
                self._weight[node] = _bytes(self.values[node])
            elif node not in changed and _is_pure(node) and all(part in self.values for part in node.all_input_nodes):
                self._compute(node)

    def _compute(self, node: fx.Node) -> None:
        arguments, options = fx.map_arg((node.args, node.kwargs), self.values.__getitem__)
        with torch.no_grad():
            value = node.target(*arguments, **options)  # type: ignore[operator]
        self.values[node] = value
        self._weight[node] = sum(self._weight[part] for part in node.all_input_nodes)
        if not isinstance(value, torch.Tensor) or _bytes(value) <= max(_SMALL_BYTES, _GROWTH * self._weight[node]):
            self.small[node] = None


def _is_pure(node: fx.Node) -> bool:
    if node.op != "call_function" or "val" not in node.meta:
        return False
    if node.target is operator.getitem:
        return True
    target = node.target
    if not isinstance(target, torch._ops.OpOverload) or torch.Tag.nondeterministic_seeded in target.tags:
        return False
    if target.namespace == NAMESPACE:
        return False  # folded, a weight in 8 bits would be one of 32 again
    name = target._schema.name
    return not (target._schema.is_mutable or "empty" in name or "assert" in name or "sym_" in name)


def _bytes(value: torch.Tensor) -> int:
    return value.numel() * value.element_size()


def _own_memory(value: torch.Tensor) -> torch.Tensor:
    """A dense tensor that keeps nothing else alive."""
    return value.detach().clone(memory_format=torch.contiguous_format)
