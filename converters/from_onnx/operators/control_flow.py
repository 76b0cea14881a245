"""If, Loop and Scan: decided on the host where that is possible, else torch's cond, scan and while_loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._higher_order_ops.cond import cond_op
from torch._higher_order_ops.while_loop import while_loop_op

from ...errors import ConversionError
from ..graph import Graph, Node
from ..trip_count import TripCount, counters_of
from ..values import Value, as_number, as_tensor, is_number, known
from .bodies import Run, closed_body, outside_of, scanned_body
from .calling import axis_of
from .scanning import distinct, scan

Structured = Callable[[Node, list[Value | None], Mapping[str, Value], Run], tuple[Value, ...]]


def branch(node: Node, inputs: list[Value | None], values: Mapping[str, Value], run: Run) -> tuple[Value, ...]:
    """If: one branch where the condition is known, else torch.cond of both."""
    condition = inputs[0]
    then, other = node.bodies["then_branch"], node.bodies["else_branch"]
    if condition is not None and is_number(condition):
        return run(then if as_number(condition) else other, dict(values))
    outside = outside_of([then, other], values)
    bodies = [closed_body(graph, (), outside, run) for graph in (then, other)]
    flag = as_tensor(condition).reshape(())  # type: ignore[arg-type]
    return tuple(cond_op(flag, bodies[0].call_tuple, bodies[1].call_tuple, tuple(bodies[0].fixed)))


def loop(node: Node, inputs: list[Value | None], values: Mapping[str, Value], run: Run) -> tuple[Value, ...]:
    """Loop: a scan where its counters tell how often it runs, else a while_loop."""
    limit, start, *carried = inputs
    body = node.bodies["body"]
    first = dict(zip(body.inputs[2:], carried, strict=True))
    counters = counters_of(body, first, values)  # type: ignore[arg-type]
    known_start = start is None or is_number(start)
    most = None if limit is None or not is_number(limit) else as_number(limit)
    if known_start and (limit is None or most is not None):
        starts = start is None or bool(as_number(start))
        count = TripCount(body, counters, values).iterations(most, starts=starts)
        if count is not None:
            return _counted(node, _Counted(body, first, counters, count), values, run)  # type: ignore[arg-type]
    return _uncounted(node, inputs, values, run)


@dataclass(frozen=True, slots=True)
class _Counted:
    body: Graph
    first: dict[str, Value]
    counters: dict[str, Any]
    count: Any


def _counted(node: Node, loop: _Counted, values: Mapping[str, Value], run: Run) -> tuple[Value, ...]:
    formals = loop.body.inputs[2:]
    if isinstance(loop.count, int) and loop.count == 0:
        return _never_run(node, loop)
    if isinstance(loop.count, int) and loop.count == 1:
        return _run_once(loop, values, run)
    state = [name for name in formals if name not in loop.counters]
    body, rows = scanned_body(loop.body, state, loop.counters, (loop.count, values), run)
    final, stacked = scan(body.call, [as_tensor(loop.first[name]) for name in state], rows, body.fixed)
    last: dict[str, Value] = dict(zip(state, final, strict=True))
    for name in formals:
        if name in loop.counters:
            counter = loop.counters[name]
            last[name] = known(counter.start + counter.step * loop.count, counter.dtype)
    return (*(last[name] for name in formals), *stacked)


def _never_run(node: Node, loop: _Counted) -> tuple[Value, ...]:
    formals = loop.body.inputs[2:]
    if len(loop.body.outputs) > 1 + len(formals):
        raise ConversionError(
            f"Loop {node.name!r} never runs, so the shape of what it would have stacked is not known",
            fix="give the example inputs at least one step",
        )
    return tuple(loop.first[name] for name in formals)


def _run_once(loop: _Counted, values: Mapping[str, Value], run: Run) -> tuple[Value, ...]:
    """One trip needs no loop, and all that is known outside stays known inside."""
    first = (known(0, torch.int64), known(True, torch.bool), *loop.first.values())
    results = run(loop.body, {**values, **dict(zip(loop.body.inputs, first, strict=True))})[1:]
    count = len(loop.first)
    return (*results[:count], *(as_tensor(value).unsqueeze(0) for value in results[count:]))


def _uncounted(node: Node, inputs: list[Value | None], values: Mapping[str, Value], run: Run) -> tuple[Value, ...]:
    """A loop that only its data ends; its state must keep its shapes, and it cannot stack outputs."""
    limit, start, *carried = inputs
    body = node.bodies["body"]
    if len(body.outputs) > 1 + len(carried):
        raise ConversionError(
            f"Loop {node.name!r} runs until its data say stop and stacks one output per step, "
            "so the size of its result is not known before it runs",
            fix="give the loop a fixed number of steps (tf.while_loop without a data-dependent end), "
            "or convert only to litert and onnx",
        )
    inside = closed_body(body, body.inputs, outside_of([body], values), run)
    flag = torch.ones((), dtype=torch.bool) if start is None else as_tensor(start).reshape(()).clone()
    state = [torch.zeros((), dtype=torch.int64), flag, *(as_tensor(value) for value in carried)]  # type: ignore[arg-type]
    bound = None if limit is None else as_tensor(limit).reshape(())
    fixed = [*inside.fixed] if bound is None else [*inside.fixed, bound]

    def goes_on(*operands: Tensor) -> Tensor:
        return operands[1].clone() if bound is None else torch.logical_and(operands[1], operands[0] < operands[-1])

    def step(*operands: Tensor) -> tuple[Tensor, ...]:
        used = operands if bound is None else operands[:-1]
        going, *rest = inside.call(*used)
        return (operands[0] + 1, going.reshape(()), *rest)

    first: Any = tuple(distinct(state, fixed))
    final: Sequence[Tensor] = while_loop_op(goes_on, step, first, tuple(fixed))
    return tuple(final[2:])


def scan_rows(node: Node, inputs: list[Value | None], values: Mapping[str, Value], run: Run) -> tuple[Value, ...]:
    """Scan (opset 9 and later): every axis and direction is brought to axis 0, forward."""
    body = node.bodies["body"]
    rows_count = node.integer("num_scan_inputs", 1)
    tensors = [as_tensor(value) for value in inputs]  # type: ignore[arg-type]
    state, rows = tensors[: len(tensors) - rows_count], tensors[len(tensors) - rows_count :]
    axes = node.integers("scan_input_axes") or [0] * rows_count
    turns = node.integers("scan_input_directions") or [0] * rows_count
    lines = [_to_front(row, axis, turn) for row, axis, turn in zip(rows, axes, turns, strict=True)]
    inside = closed_body(body, body.inputs, outside_of([body], values), run)
    final, stacked = scan(inside.call, state, lines, inside.fixed)
    axes = node.integers("scan_output_axes") or [0] * len(stacked)
    turns = node.integers("scan_output_directions") or [0] * len(stacked)
    return (*final, *(_from_front(row, axis, turn) for row, axis, turn in zip(stacked, axes, turns, strict=True)))


def _to_front(row: Tensor, axis: int, turn: int) -> Tensor:
    line = torch.movedim(row, axis_of(axis, row.ndim), 0)
    return torch.flip(line, [0]) if turn else line


def _from_front(line: Tensor, axis: int, turn: int) -> Tensor:
    line = torch.flip(line, [0]) if turn else line
    return torch.movedim(line, 0, axis_of(axis, line.ndim))


STRUCTURED: dict[str, Structured] = {"If": branch, "Loop": loop, "Scan": scan_rows}
