"""Tells how an ONNX model resizes, pads its convolutions and computes GELU.

Field numbers are those of onnx.proto (IR version 13), as in onnx.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ..checkpoints import protobuf
from ..checkpoints.protobuf import integer, integers, nested, text
from .onnx_nodes import Node, Nodes, read_nodes
from .padding import Step, same_pads, sum_of, zeros_before
from .variants import Gelu, Pads, Resize, Variants, Window

Attribute = str | int | float | tuple[int, ...]
_RULES = {
    "half_pixel": "half-pixel",
    "half_pixel_symmetric": "half-pixel",
    "pytorch_half_pixel": "half-pixel",
    "align_corners": "align-corners",
    "asymmetric": "asymmetric",
}
_ROUNDINGS = {"floor": "floor", "ceil": "ceil", "round_prefer_ceil": "half-up", "round_prefer_floor": "half-down"}
_FLOAT, _INT64 = 1, 7


def onnx_variants(data: memoryview) -> Variants:
    """Read a serialised model; raises Malformed."""
    graph = read_nodes(data)
    reading = _Reading(graph)
    return Variants(
        resizes=tuple(reading.resizes()),
        windows=tuple(reading.windows()),
        gelus=tuple(
            Gelu(curve="tanh" if attributes_of(node).get("approximate") == "tanh" else "erf")
            for node in graph.nodes
            if node.operator == "Gelu"
        ),
        curves=frozenset(node.operator.lower() for node in graph.nodes if node.operator in {"Erf", "Tanh"}),
    )


class _Reading:
    def __init__(self, graph: Nodes) -> None:
        self._graph = graph
        self._makers = graph.makers

    def resizes(self) -> Iterator[Resize]:
        """Those whose rule has a counterpart elsewhere."""
        for node in self._graph.nodes:
            given = attributes_of(node)
            rule = _RULES.get(str(given.get("coordinate_transformation_mode", "half_pixel")))
            scales = self._reals(node.input(2))
            if node.operator != "Resize" or rule is None or (node.input(2) and scales is None):
                continue
            mode = str(given.get("mode", "nearest"))
            yield Resize(
                mode=mode,
                rule=rule,
                rounding=_ROUNDINGS.get(str(given.get("nearest_mode", "round_prefer_floor")), "floor"),
                antialias=bool(given.get("antialias", 0)),
                coefficient=_number(given.get("cubic_coeff_a", -0.75)) if mode == "cubic" else None,
                scales=scales,
            )

    def windows(self) -> Iterator[Window]:
        """Those of two-dimensional convolutions."""
        for node in self._graph.nodes:
            sizes = self._graph.shapes.get(node.input(1), ())
            given = attributes_of(node)
            kernel = _pair(given.get("kernel_shape"), *(size or 0 for size in sizes[2:]))
            if node.operator != "Conv" or len(kernel) != 2:
                continue
            stride, dilation = (_pair(given.get(name), 1, 1) for name in ("strides", "dilations"))
            window = Window(kernel=kernel, stride=stride, dilation=dilation, pads=None)
            pads = self._pads(node, window)
            yield Window(kernel=kernel, stride=stride, dilation=dilation, pads=pads)

    def _pads(self, node: Node, window: Window) -> Pads | None:
        """A convolution's own zeros and those of the Pad before it; None where they follow an open size."""
        given = attributes_of(node)
        automatic = str(given.get("auto_pad", "NOTSET"))
        if automatic.startswith("SAME"):
            sizes = self._graph.shapes.get(node.input(0), ())[2:]
            if len(sizes) != 2 or None in sizes:
                return None
            pads = same_pads(tuple(size or 0 for size in sizes), window.kernel, window.stride, window.dilation)
            return pads if automatic == "SAME_UPPER" else tuple((behind, before) for before, behind in pads)
        above, left, below, right = _four(given.get("pads"))
        return sum_of(((above, below), (left, right)), zeros_before(node.input(0), self._step, (2, 3)))

    def _step(self, name: str) -> Step[str] | None:
        """What padded or turned a tensor, if nothing else did."""
        maker = self._makers.get(name)
        if maker is None or maker.operator not in ("Pad", "Transpose"):
            return None
        if maker.operator == "Transpose":
            return Step(given=maker.input(0), order=_pair(attributes_of(maker).get("perm")))
        counts = self._whole_numbers(maker.input(1))
        half = len(counts) // 2
        return Step(given=maker.input(0), pads=tuple(zip(counts[:half], counts[half:], strict=False)))

    def _whole_numbers(self, name: str) -> tuple[int, ...]:
        """The values of a constant of int64, nothing for what is computed."""
        found: list[int] = []
        for number, value in self._stored(name, _INT64):
            if number == 7:
                found += integers(value)
            elif number == 9:
                data = nested(value)
                found += struct.unpack(f"<{len(data) // 8}q", data[: len(data) // 8 * 8])
        return tuple(found)

    def _reals(self, name: str) -> tuple[float, ...] | None:
        """The values of a constant of float32, None for what is computed."""
        found: list[float] = []
        for number, value in self._stored(name, _FLOAT):
            if number in (4, 9):
                data = nested(value)
                found += struct.unpack(f"<{len(data) // 4}f", data[: len(data) // 4 * 4])
        return tuple(found) or None

    def _stored(self, name: str, dtype: int) -> Iterator[tuple[int, protobuf.Value]]:
        if self._graph.stored.get(name) == dtype:
            yield from protobuf.fields(self._graph.constants[name])


def attributes_of(node: Node) -> dict[str, Attribute]:
    """A node's attributes by name: numbers, texts and lists of whole numbers; others are left out."""
    found: dict[str, Attribute] = {}
    for message in node.attributes:
        name, whole = "", list[int]()
        content: Attribute | None = None
        for number, value in protobuf.fields(message):
            if number == 1:
                name = text(value)
            elif number == 2:
                content = float(struct.unpack_from("<f", bytes(nested(value)).ljust(4, b"\0"))[0])
            elif number == 3:
                content = integer(value)
            elif number == 4:
                content = text(value)
            elif number == 8:
                whole += integers(value)
        kept: Attribute | None = tuple(whole) or content
        if kept is not None:
            found[name] = kept
    return found


def _number(value: Attribute) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _pair(value: Attribute | None, *otherwise: int) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else otherwise


def _four(value: Attribute | None) -> tuple[int, int, int, int]:
    above, left, below, right = value if isinstance(value, tuple) and len(value) == 4 else (0, 0, 0, 0)
    return above, left, below, right
