"""A body of If, Loop or Scan as a function of tensors only, which is what torch's control flow takes.

Everything the body reads from outside is handed over: tensors as further arguments, known numbers
by value. What it gives back never is, or views, one of its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..graph import Graph, Node
from ..host_inputs import read_as_data
from ..rewriting.dead_code import remove_dead_nodes
from ..rewriting.renaming import rebuilt
from ..trip_count import Counter
from ..values import Known, Value, as_tensor

Run = Callable[[Graph, dict[str, Value]], tuple[Value, ...]]

_VIEWS = set(
    "Cast CastLike DepthToSpace Expand Flatten Gather Pad Reshape Slice SpaceToDepth Split Squeeze Transpose "
    "Trilu Unsqueeze Identity Dropout Resize Upsample Max Min Sum If Loop Scan Clip".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A function of its own arguments followed by `fixed`, the tensors it reads from outside."""

    call: Callable[..., list[Tensor]]
    fixed: list[Tensor]

    def call_tuple(self, *operands: Tensor) -> tuple[Tensor, ...]:
        """The same as a tuple of contiguous tensors: torch.cond wants equal strides of both branches."""
        return tuple(result.contiguous() for result in self.call(*operands))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What bodies read from outside: tensors to hand over, and numbers that are simply known."""

    tensors: dict[str, Value]
    numbers: dict[str, Value]


def outside_of(graphs: Sequence[Graph], values: Mapping[str, Value]) -> Outside:
    """The captures of all the graphs together; a known array is handed over only if it is read as data."""
    as_data = set[str]().union(*(read_as_data(graph) for graph in graphs))
    captures = sorted(set[str]().union(*(graph.captures for graph in graphs)))
    tensors: dict[str, Value] = {}
    numbers: dict[str, Value] = {}
    for name in captures:
        value = values[name]
        if isinstance(value, Tensor) or (name in as_data and value.numbers.size > 1):
            tensors[name] = value
        else:
            numbers[name] = Known(value.numbers, value.dtype)
    return Outside(tensors=tensors, numbers=numbers)


def closed_body(graph: Graph, formals: Sequence[str], outside: Outside, run: Run) -> Body:
    """The body as a function of its `formals` and of the tensors outside."""
    copied = _to_copy(graph)

    def call(*operands: Tensor) -> list[Tensor]:
        inside: dict[str, Value] = {**outside.numbers, **dict(zip(formals, operands, strict=False))}
        for (name, outer), operand in zip(outside.tensors.items(), operands[len(formals) :], strict=True):
            inside[name] = Known(outer.numbers, outer.dtype, operand) if isinstance(outer, Known) else operand
        results = [as_tensor(value) for value in run(graph, inside)]
        return [
            result.clone(memory_format=torch.contiguous_format) if copy else result
            for result, copy in zip(results, copied, strict=True)
        ]

    return Body(call=call, fixed=[as_tensor(value) for value in outside.tensors.values()])


def _to_copy(graph: Graph) -> list[bool]:
    """Which outputs may be an argument, a view of one, or the same tensor as another output."""
    producers = {name: node for node in graph.nodes for name in node.outputs}
    result: list[bool] = []
    for place, name in enumerate(graph.outputs):
        node = producers.get(name)
        result.append(node is None or node.kind in _VIEWS or name in graph.outputs[:place])
    return result


def scanned_body(
    graph: Graph,
    state: Sequence[str],
    counters: Mapping[str, Counter],
    source: tuple[Any, Mapping[str, Value]],
    run: Run,
) -> tuple[Body, list[Tensor]]:
    """The body of a counted loop as the step of a scan, and the rows it is scanned over.

    Its condition and counters are gone; a Gather by a counter reads a row instead.
    """
    count, values = source
    carried = graph.inputs[2:]
    kept = [name for name, formal in zip(graph.outputs[1:], carried, strict=False) if formal in state]
    trimmed = rebuilt(graph, graph.nodes, outputs=(*kept, *graph.outputs[1 + len(carried) :]))
    trimmed = remove_dead_nodes(trimmed)
    rows: dict[str, Tensor] = {}
    nodes: list[Node] = []
    for node in trimmed.nodes:
        row = _row_of(node, counters, count, values)
        if row is None:
            nodes.append(node)
        else:
            rows[node.outputs[0]] = row
    trimmed = remove_dead_nodes(rebuilt(trimmed, nodes))
    for name, counter in counters.items():
        if name in trimmed.captures or name in _all_reads(trimmed):
            rows[name] = _line(counter, count)
    rows = rows or {graph.inputs[0]: _line(Counter(0, 1), count)}
    inner = rebuilt(trimmed, trimmed.nodes, inputs=(*state, *rows))
    body = closed_body(inner, inner.inputs, outside_of([inner], values), run)
    return body, list(rows.values())


def _all_reads(graph: Graph) -> set[str]:
    names = set(graph.outputs)
    for node in graph.nodes:
        names.update(node.inputs)
        for body in node.bodies.values():
            names.update(body.captures)
    return names


def _row_of(node: Node, counters: Mapping[str, Counter], count: Any, values: Mapping[str, Value]) -> Tensor | None:
    """The rows that a Gather along axis 0 by a counter reads one after another."""
    if node.kind != "Gather" or node.integer("axis", 0) != 0 or node.inputs[1] not in counters:
        return None
    source, counter = values.get(node.inputs[0]), counters[node.inputs[1]]
    if source is None or counter.step not in {1, -1}:
        return None
    tensor = as_tensor(source)
    first = counter.start if counter.step == 1 else counter.start - count + 1
    if first < 0:
        return None
    if first != 0 or tensor.shape[0] != count:
        tensor = tensor.narrow(0, first, count)
    return tensor if counter.step == 1 else torch.flip(tensor, [0])


def _line(counter: Counter, count: Any) -> Tensor:
    return torch.arange(count, dtype=counter.dtype) * counter.step + counter.start
