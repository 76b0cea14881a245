"""Tells how an ExecuTorch program resizes, pads its convolutions and computes GELU, and which tensors lie otherwise.

Field numbers as in executorch.py and xnnpack.py. Flags are those of xnnpack.h: 4 is the resize of TensorFlow 1, 8
aligns corners.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .flatbuffer import Table
from .padding import Step, sum_of, zeros_before
from .variants import Gelu, Resize, Variants, Window
from .xnnpack import NODES, Graph, graph_of

_TENSOR, _STRING = 5, 6
_DIM_ORDER, _CONSTANT = 3, 5
_LEGACY, _CORNERS = 4, 8
_CONVOLUTIONS = ("Conv2d", "DepthwiseConv2d")


def xnnpack_variants(payload: memoryview) -> Variants:
    """What one payload for XNNPACK holds; raises Malformed."""
    graph = graph_of(payload)
    nodes = [(_name(node), table) for node in graph.tables(Graph.NODES) if (table := node.table(1)) is not None]
    steps = dict(step for name, table in nodes if (step := _step(name, table)) is not None)
    return Variants(
        resizes=tuple(_resize(table.scalar(4, "I")) for name, table in nodes if name == "StaticResizeBilinear2D"),
        windows=tuple(_window(table, steps) for name, table in nodes if name in _CONVOLUTIONS),
        gelus=tuple(Gelu(curve="erf") for name, _ in nodes if name == "Gelu"),
        curves=frozenset("tanh" for name, _ in nodes if name == "Tanh"),
    )


def kernel_variants(calls: Sequence[tuple[str, tuple[int, ...]]], values: Sequence[Table]) -> Variants:
    """What the kernels that a method calls itself compute, each by the places of its arguments."""
    gelus = tuple(
        Gelu(curve="tanh" if "tanh" in _texts(arguments, values) else "erf")
        for name, arguments in calls
        if name == "aten::gelu.out"
    )
    curves = {name.partition("::")[2].removesuffix(".out") for name, _ in calls} & {"erf", "tanh"}
    return Variants(gelus=gelus, curves=frozenset(curves))


def reordered(values: Sequence[Table], inputs: Sequence[int]) -> Iterator[str]:
    """The inputs and constants whose numbers do not lie in the order of their axes."""
    for index, value in enumerate(values):
        tensor = value.table(1) if value.scalar(0, "B") == _TENSOR else None
        if tensor is None or not (index in inputs or tensor.scalar(_CONSTANT, "I")):
            continue
        order = bytes(tensor.bytes(_DIM_ORDER) or b"")
        if list(order) != sorted(order):
            yield f"input {list(inputs).index(index)}" if index in inputs else f"constant {index}"


def _texts(arguments: Sequence[int], values: Sequence[Table]) -> set[str]:
    found = (values[index] for index in arguments if 0 <= index < len(values))
    tables = (value.table(1) for value in found if value.scalar(0, "B") == _STRING)
    return {table.string(0) or "" for table in tables if table is not None}


def _name(node: Table) -> str:
    kind = node.scalar(0, "B")
    return NODES[kind - 1] if 1 <= kind <= len(NODES) else ""


def _resize(flags: int) -> Resize:
    rule = "align-corners" if flags & _CORNERS else "asymmetric" if flags & _LEGACY else "half-pixel"
    return Resize(mode="linear", rule=rule)


def _window(table: Table, steps: dict[int, Step[int]]) -> Window:
    top, right, bottom, left, *sizes = (table.scalar(field, "I") for field in range(10))
    return Window(
        kernel=(sizes[0], sizes[1]),
        stride=(sizes[2], sizes[3]),
        dilation=(sizes[4], sizes[5]),
        pads=sum_of(((top, bottom), (left, right)), zeros_before(table.scalar(15, "I"), steps.get, (1, 2))),
    )


def _step(name: str, table: Table) -> tuple[int, Step[int]] | None:
    """The value that a node pads or turns another one to, and how; None for any other node."""
    if name == "StaticConstantPad":
        pads = tuple(zip(table.numbers(0, "I") or (), table.numbers(1, "I") or (), strict=False))
        return table.scalar(4, "I"), Step(given=table.scalar(3, "I"), pads=pads)
    if name == "StaticTranspose":
        return table.scalar(3, "I"), Step(given=table.scalar(2, "I"), order=table.numbers(1, "I") or ())
    return None
