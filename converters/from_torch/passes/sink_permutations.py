"""Moves permutations of axes behind operators that do not mind, until they meet their inverse."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .aliases import changed_in_place
from .constants import ConstantEdit, constants_of
from .node_writer import NodeWriter

_aten = torch.ops.aten
_PERMUTE = _aten.permute.default
_ELEMENTWISE = frozenset(
    "abs add clamp clamp_max clamp_min contiguous div dropout elu exp gelu hardsigmoid hardswish hardtanh leaky_relu"
    " maximum minimum mish mul neg pow reciprocal relu relu6 rsqrt selu sigmoid silu softplus sqrt square sub subtract"
    " tanh to".split()
)
_PADS = frozenset({_aten.pad.default, _aten.constant_pad_nd.default})

Order = tuple[int, ...]


def sink_permutations(program: ExportedProgram) -> ExportedProgram:
    """The program with fewer permutations; itself where there are none to be saved.

    Keras hands torch its images with the channels last, and every layer of the torch backend turns them before and
    back after it (keras/src/backend/torch/nn.py): two copies a layer, and no batch norm stands behind its convolution.
    """
    sinking = _Sinking(program)
    before = sinking.count()
    for node in list(sinking.edit.graph.nodes):
        if node.op == "call_function" and node not in sinking.changed:
            sinking.visit(node)
    sinking.edit.graph.eliminate_dead_code()
    if sinking.count() >= before:
        return program
    sinking.edit.drop_unused()
    return sinking.edit.program()


class _Sinking:
    """`_moved` are the permutations of the graph: of what, and how."""

    def __init__(self, program: ExportedProgram) -> None:
        self.edit = ConstantEdit(program)
        self.changed = changed_in_place(self.edit.graph)
        self._constants = constants_of(program)
        self._moved: dict[fx.Node, tuple[fx.Node, Order]] = {}

    def count(self) -> int:
        """How many permutations there are."""
        return sum(1 for _ in self.edit.graph.find_nodes(op="call_function", target=_PERMUTE))

    def visit(self, node: fx.Node) -> None:
        """Let a node that reads permuted values read them as they were before, and permute what it gives."""
        if node.target is _PERMUTE:
            self._join(node)
            return
        orders = {self._moved[source][1] for source in node.all_input_nodes if source in self._moved}
        if len(orders) != 1:
            return
        with self.edit.graph.inserting_before(node):
            w = self.edit.writer(node)
            made = self._written(w, node, *orders)
            if made is not None:
                self._take(node, *made)

    def _take(self, node: fx.Node, made: fx.Node, order: Order) -> None:
        """Let a node do what `made` does, under its own name, which recipes know, and permute its result."""
        value = node.meta["val"]
        node.args, node.kwargs, node.meta["val"] = made.args, made.kwargs, made.meta["val"]
        self.edit.graph.erase_node(made)
        if order == tuple(range(len(order))):
            return
        with self.edit.graph.inserting_after(node):
            name = f"{node.name}_permuted"
            result = self.edit.graph.create_node("call_function", _PERMUTE, (node, list(order)), name=name)
        result.meta.update(node.meta, val=value)
        self.edit.replace(node, result)
        result.update_arg(0, node)
        self._moved[result] = (node, order)

    def _join(self, node: fx.Node) -> None:
        """A permutation, of what an earlier one permutes if there is one."""
        source: Any = node.args[0]
        dims: Any = node.args[1]
        order: Order = tuple(dim % len(dims) for dim in dims)
        if source in self._moved:
            source, earlier = self._moved[source]
            order = tuple(earlier[place] for place in order)
        if order == tuple(range(len(order))):
            self.edit.replace(node, source)
            return
        node.args = (source, list(order))
        self._moved[node] = (source, order)

    def _written(self, w: NodeWriter, node: fx.Node, order: Order) -> tuple[fx.Node, Order] | None:
        if node.target in _PADS:
            return self._padded(w, node, order)
        if node.target is _aten.cat.default:
            return self._concatenated(w, node, order)
        if node.target is _aten.mean.dim:
            return self._averaged(w, node, order)
        return self._elementwise(w, node, order) if _name(node) in _ELEMENTWISE else None

    def _elementwise(self, w: NodeWriter, node: fx.Node, order: Order) -> tuple[fx.Node, Order] | None:
        if any(isinstance(value, fx.Node) for value in node.kwargs.values()):
            return None
        arguments = [self._before(argument, order) for argument in node.args]
        known = (found is not None or given is None for given, found in zip(node.args, arguments, strict=True))
        target: Any = node.target
        return (w.call(target, *arguments, **node.kwargs), order) if all(known) else None

    def _before(self, argument: Any, order: Order) -> Any:
        """An argument as it is before the permutation; None for a tensor that is not permuted so."""
        if not isinstance(argument, fx.Node):
            return argument
        if argument in self._moved:
            return self._moved[argument][0]
        if argument.name not in self._constants:
            return None
        value = self._constants[argument.name].detach()
        spread = value.reshape([1] * (len(order) - value.dim()) + list(value.shape))
        if spread.numel() == 1:
            return argument
        return self.edit.add(f"{argument.name}_permuted", spread.permute(_inverse(order)).contiguous())

    def _concatenated(self, w: NodeWriter, node: fx.Node, order: Order) -> tuple[fx.Node, Order] | None:
        parts: Any = node.args[0]
        axis: Any = node.args[1] if len(node.args) > 1 else 0
        if any(part not in self._moved for part in parts):
            return None
        sources = [self._moved[part][0] for part in parts]
        return w.call(_aten.cat.default, sources, order[axis % len(order)]), order

    def _averaged(self, w: NodeWriter, node: fx.Node, order: Order) -> tuple[fx.Node, Order] | None:
        arguments: Any = node.args
        value, dims, *rest = arguments
        if not isinstance(dims, (list, tuple)) or not dims:
            return None
        axes = [order[dim % len(order)] for dim in dims]
        made = w.call(_aten.mean.dim, self._moved[value][0], axes, *rest, **node.kwargs)
        if rest and rest[0]:
            return made, order
        left = [axis for axis in order if axis not in axes]
        return made, tuple(sorted(left).index(axis) for axis in left)

    def _padded(self, w: NodeWriter, node: fx.Node, order: Order) -> tuple[fx.Node, Order] | None:
        """Amounts are given from the last axis on, two for each."""
        arguments: Any = node.args
        value, amounts, *rest = arguments
        if rest and rest[0] not in ("constant", 0, 0.0):
            return None
        sides = [(0, 0)] * len(order)
        for place in range(len(amounts) // 2):
            sides[order[-1 - place]] = (amounts[2 * place], amounts[2 * place + 1])
        flat = [amount for pair in reversed(sides) for amount in pair]
        target: Any = node.target
        return w.call(target, self._moved[value][0], flat, *rest), order


def _name(node: fx.Node) -> str:
    target = node.target
    return target._schema.name.partition("::")[2] if isinstance(target, torch._ops.OpOverload) else ""


def _inverse(order: Order) -> list[int]:
    return [order.index(axis) for axis in range(len(order))]
