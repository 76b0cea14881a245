"""Recognises what a model's Python loop does to each time step, and does it to all steps at once.

A loop over time leaves, for every step, a view of one tensor (`select`, or an item of `unbind` or `split`) and the
operators that follow it. Where all steps of a tensor meet the same operator, one operator on the whole tensor gives
the same numbers; where a loop's results are stacked again, the whole tensor is already there.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from .node_writer import NodeWriter, ProgramEdit, arguments_of

_aten = torch.ops.aten

# Operators that treat every number alone.
_ELEMENTWISE = frozenset(
    {
        _aten.abs.default,
        _aten.clone.default,
        _aten.elu.default,
        _aten.exp.default,
        _aten.gelu.default,
        _aten.hardswish.default,
        _aten.hardtanh.default,
        _aten.leaky_relu.default,
        _aten.neg.default,
        _aten.relu.default,
        _aten.sigmoid.default,
        _aten.silu.default,
        _aten.softplus.default,
        _aten.tanh.default,
    }
)
# Operators that treat every row along the last axis alone.
_ROWWISE = frozenset({_aten.linear.default, _aten.layer_norm.default, _aten.softmax.int, _aten.log_softmax.int})
_BINARY = frozenset({_aten.add.Tensor, _aten.sub.Tensor, _aten.mul.Tensor})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One position of a tensor along one axis, the axis taken away."""

    base: fx.Node
    axis: int
    index: int

    @property
    def count(self) -> Any:
        """How many steps the tensor has; a symbol where the size is open."""
        return self.base.meta["val"].shape[self.axis]


def step_of(node: Any) -> Step | None:
    """The step of another tensor that a node is, if it is one."""
    if not isinstance(node, fx.Node):
        return None
    if node.target is _aten.select.int:
        base, axis, index = arguments_of(node)
        return _step(base, axis, index)
    if node.target is operator.getitem:
        return _step_of_item(node, _aten.unbind.int)
    if node.target is _aten.squeeze.dim:
        inner, axis = arguments_of(node)
        piece = _step_of_item(inner, _aten.split.Tensor)
        return piece if piece is not None and piece.axis == axis % (inner.meta["val"].dim()) else None
    return None


def _step_of_item(node: Any, splits: Any) -> Step | None:
    if not (isinstance(node, fx.Node) and node.target is operator.getitem):
        return None
    whole, index = arguments_of(node)
    if whole.target is not splits:
        return None
    given = arguments_of(whole)
    base, options = given[0], given[1:]
    if splits is _aten.split.Tensor:
        if options[0] != 1:
            return None
        options = options[1:]
    return _step(base, options[0] if options else 0, index)


def _step(base: fx.Node, axis: int, index: Any) -> Step | None:
    shape = base.meta["val"].shape
    axis %= len(shape)
    if not isinstance(index, int) or not isinstance(shape[axis], int):
        return None
    return Step(base=base, axis=axis, index=index % shape[axis])


def write_steps(w: NodeWriter, steps: Sequence[Step]) -> fx.Node:
    """The tensor of consecutive steps, upwards or downwards, at their axis; they come from `consecutive`."""
    first, last = steps[0], steps[-1]
    whole, axis = first.base, first.axis
    low, high = min(first.index, last.index), max(first.index, last.index)
    if high - low + 1 < first.count:
        whole = w.call(_aten.slice.Tensor, whole, axis, low, high + 1)
    return w.call(_aten.flip.default, whole, [axis]) if last.index < first.index else whole


def consecutive(steps: Sequence[Step | None]) -> list[Step] | None:
    """The same steps if they are neighbours of one tensor, all upwards or all downwards; else None."""
    known = [step for step in steps if step is not None]
    if len(known) < max(2, len(steps)):
        return None
    stride = known[1].index - known[0].index
    first = known[0]
    wanted = [(first.base, first.axis, first.index + position * stride) for position in range(len(known))]
    found = [(step.base, step.axis, step.index) for step in known]
    return known if stride in {1, -1} and wanted == found else None


def batch_steps(edit: ProgramEdit) -> bool:
    """Give operators that meet every step of a tensor the whole tensor; tells whether anything changed."""
    groups: dict[tuple[Any, ...], dict[int, fx.Node]] = {}
    for node in edit.graph.nodes:
        key, index = _place(node)
        if key is not None:
            groups.setdefault(key, {})[index] = node
    changed = False
    for members in groups.values():
        nodes = list(members.values())
        step = next(step for step in map(step_of, nodes[0].args) if step is not None)
        if len(members) == step.count and len(members) > 1:
            _batch(edit, nodes, step)
            changed = True
    return changed


def _place(node: fx.Node) -> tuple[tuple[Any, ...] | None, int]:
    """What all steps' versions of a node have in common, and the step that this one is for."""
    if node.op != "call_function" or not _is_batchable(node):
        return None, 0
    steps = [step_of(argument) for argument in node.args]
    found = [step for step in steps if step is not None]
    common = tuple(
        ("step", step.base, step.axis) if step is not None else repr(argument)
        for step, argument in zip(steps, node.args, strict=True)
    )
    return (node.target, common, repr(node.kwargs)), found[0].index


def _is_batchable(node: fx.Node) -> bool:
    steps = [step_of(argument) for argument in node.args]
    first = steps[0] if steps else None
    if node.target is _aten.embedding.default:
        return steps[0] is None and len(steps) > 1 and steps[1] is not None
    if node.target in _BINARY:
        return _is_batchable_pair(node, steps)
    if first is None or any(step is not None for step in steps[1:]):
        return False
    if node.target is _aten.dropout.default:
        return arguments_of(node)[2] is False
    return node.target in _ELEMENTWISE or (node.target in _ROWWISE and _keeps_rows(node, first))


def _is_batchable_pair(node: fx.Node, steps: list[Step | None]) -> bool:
    """Two steps of the same number, or a step and a number."""
    left, right = steps[:2]
    if left is not None and right is not None:
        shapes = [step.base.meta["val"].shape for step in (left, right)]
        return left.index == right.index and left.axis == right.axis and shapes[0] == shapes[1]
    return left is not None and isinstance(node.args[1], int | float)


def _keeps_rows(node: fx.Node, step: Step) -> bool:
    dimensions = step.base.meta["val"].dim()
    if node.target in {_aten.softmax.int, _aten.log_softmax.int}:
        return bool(arguments_of(node)[1] == -1 and step.axis < dimensions - 1)
    rows = len(arguments_of(node)[1]) if node.target is _aten.layer_norm.default else 1
    return bool(step.axis < dimensions - rows)


def _batch(edit: ProgramEdit, nodes: list[fx.Node], step: Step) -> None:
    first = nodes[0]  # groups are filled in the graph's order
    with edit.graph.inserting_before(first):
        w = edit.writer(first)
        arguments = [argument if (own := step_of(argument)) is None else own.base for argument in first.args]
        whole = w.call(first.target, *arguments, **first.kwargs)  # type: ignore[arg-type]
        views = {node: w.call_for(node.meta["val"], _aten.select.int, whole, step.axis, _index(node)) for node in nodes}
    for node, view in views.items():
        edit.replace(node, view)
        edit.graph.erase_node(node)


def _index(node: fx.Node) -> int:
    return next(step.index for step in map(step_of, node.args) if step is not None)


def join_steps(edit: ProgramEdit) -> bool:
    """Take a tensor itself where its steps are stacked again; tells whether anything changed."""
    changed = False
    for node in list(_joins(edit.graph)):
        parts, axis = _parts(node)
        steps = consecutive([step_of(part) for part in parts])
        if steps is None:
            continue
        with edit.graph.inserting_before(node):
            w = edit.writer(node)
            whole = write_steps(w, steps)
            order = [dim for dim in range(whole.meta["val"].dim()) if dim != steps[0].axis]
            order.insert(axis, steps[0].axis)
            joined = whole if order == sorted(order) else w.call(_aten.permute.default, whole, order)
        edit.replace(node, joined)
        edit.graph.erase_node(node)
        changed = True
    return changed


def _joins(graph: fx.Graph) -> Iterator[fx.Node]:
    yield from graph.find_nodes(op="call_function", target=_aten.stack.default)
    yield from graph.find_nodes(op="call_function", target=_aten.cat.default)


def _parts(node: fx.Node) -> tuple[list[Any], int]:
    """What a node stacks, and along which new axis; nothing where a `cat` does not stack."""
    parts, *rest = arguments_of(node)
    axis = (rest[0] if rest else 0) % node.meta["val"].dim()
    if node.target is _aten.stack.default:
        return list(parts), axis
    opened = [
        part.args[0]
        for part in parts
        if part.target is _aten.unsqueeze.default and part.args[1] % part.meta["val"].dim() == axis
    ]
    return (opened, axis) if len(opened) == len(parts) else ([], axis)
