"""Tells how an exported program resizes, pads its convolutions and computes GELU, with the lines of the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..inspection.padding import Step, same_pads, sum_of, zeros_before
from ..inspection.variants import Axis, Gelu, Pads, Resize, Variants, Window
from .passes.constants import constants_of
from .passes.fold_constants import fold_constants
from .passes.node_writer import schema_arguments
from .source_lines import place_of

_aten = torch.ops.aten
_LARGEST = 2**31 - 1
_TANH = frozenset({"tanh", "mish", "lstm", "lstm_cell", "gru", "gru_cell", "rnn_tanh", "rnn_tanh_cell"})
_NEAREST = Resize(mode="nearest", rule="asymmetric", rounding="floor")
_NEAREST_EXACT = Resize(mode="nearest", rule="half-pixel", rounding="half-up")
_LINEAR = Resize(mode="linear", rule="half-pixel")
_CUBIC = Resize(mode="cubic", rule="half-pixel", coefficient=-0.75)
# The coefficients of cubics: pytorch 2.13, aten/src/ATen/native/UpSample.h and cpu/UpSampleKernel.cpp.
_RESIZES = {
    **{f"aten::upsample_nearest{rank}d": _NEAREST for rank in (1, 2, 3)},
    **{f"aten::_upsample_nearest_exact{rank}d": _NEAREST_EXACT for rank in (1, 2, 3)},
    **dict.fromkeys(("aten::upsample_linear1d", "aten::upsample_bilinear2d", "aten::upsample_trilinear3d"), _LINEAR),
    "aten::upsample_bicubic2d": _CUBIC,
    "aten::_upsample_bilinear2d_aa": Resize(mode="linear", rule="half-pixel", antialias=True),
    "aten::_upsample_bicubic2d_aa": Resize(mode="cubic", rule="half-pixel", antialias=True, coefficient=-0.5),
}


def variants_of(program: ExportedProgram) -> Variants:
    """What the program computes with; it is left as it is."""
    nodes = [node for node in program.graph.nodes if isinstance(node.target, torch._ops.OpOverload)]
    return Variants(
        resizes=tuple(_resize(node) for node in nodes if _name(node) in _RESIZES),
        windows=tuple(window for node in nodes if (window := _window(node)) is not None),
        gelus=tuple(_gelu(node) for node in nodes if node.target is _aten.gelu.default),
        curves=frozenset(_curves(nodes)),
        wide=_wide_after_folding(program),
    )


def _name(node: fx.Node) -> str:
    """The operator's name without its overload, as "aten::gelu"."""
    target: Any = node.target
    return str(target._schema.name)


def _resize(node: fx.Node) -> Resize:
    given = schema_arguments(node)
    known = _RESIZES[_name(node)]
    rule = "align-corners" if given.get("align_corners") else known.rule
    return Resize(
        mode=known.mode,
        rule=rule,
        rounding=known.rounding,
        antialias=known.antialias,
        coefficient=known.coefficient,
        axes=tuple(_axes(node, given)),
        place=place_of(node),
    )


def _axes(node: fx.Node, given: dict[str, Any]) -> Iterator[Axis]:
    """The axes that change, nothing where a size is open."""
    before, after = (tensor.meta["val"].shape[2:] for tensor in (node.all_input_nodes[0], node))
    factors = given.get("scale_factors") or [given.get(f"scales_{axis}") for axis in "dhw"[-len(after) :]]
    if all(isinstance(size, int) for size in (*before, *after)):
        for old, new, factor in zip(before, after, factors, strict=True):
            yield Axis(before=old, after=new, scale=None if factor is None else float(factor))


def _window(node: fx.Node) -> Window | None:
    """The window of a two-dimensional convolution."""
    if node.target not in (_aten.conv2d.default, _aten.conv2d.padding):
        return None
    given = schema_arguments(node)
    weight, image = (given[name].meta["val"] for name in ("weight", "input"))
    kernel = tuple(int(size) for size in weight.shape[2:])
    stride, dilation = (_pair(given[name]) for name in ("stride", "dilation"))
    padding = given["padding"]
    if padding == "same":
        own: Pads = same_pads(tuple(image.shape[2:]), kernel, stride, dilation)
    else:
        own = tuple((size, size) for size in ((0, 0) if padding == "valid" else _pair(padding)))
    pads = sum_of(own, zeros_before(given["input"], _step, (2, 3)))
    return Window(kernel=kernel, stride=stride, dilation=dilation, pads=pads, place=place_of(node))


def _step(node: fx.Node) -> Step[fx.Node] | None:
    """What padded or turned a tensor, if nothing else did."""
    if node.target in (_aten.pad.default, _aten.constant_pad_nd.default):
        given = schema_arguments(node)
        sizes = [size if isinstance(size, int) else 0 for size in given["pad"]]
        pads = list(zip(sizes[::2], sizes[1::2], strict=True))  # the last axis stands first
        rank = node.meta["val"].dim()
        return Step(given=node.all_input_nodes[0], pads=tuple(reversed([*pads, *[(0, 0)] * (rank - len(pads))])))
    if node.target is _aten.permute.default:
        order = schema_arguments(node)["dims"]
        return Step(given=node.all_input_nodes[0], order=tuple(axis % len(order) for axis in order))
    return None


def _pair(value: Any) -> tuple[int, int]:
    """One number for both axes, or one for each; stride may be left out."""
    numbers = list(value) or [1]
    return int(numbers[0]), int(numbers[-1])


def _gelu(node: fx.Node) -> Gelu:
    approximate = schema_arguments(node)["approximate"]
    return Gelu(curve="tanh" if approximate == "tanh" else "erf", place=place_of(node))


def _curves(nodes: list[fx.Node]) -> Iterator[str]:
    for node in nodes:
        name = _name(node).rpartition("::")[2].rstrip("_")
        if name in _TANH:
            yield "tanh"
        elif name == "erf":
            yield "erf"


def _wide_after_folding(program: ExportedProgram) -> tuple[str, ...]:
    """The places that 32 bits are too few for, without those where constants only make other constants."""
    return _wide(fold_constants(program)) if _wide(program) else ()


def _wide(program: ExportedProgram) -> tuple[str, ...]:
    held = {name for name, value in constants_of(program).items() if _is_wide(value)}
    found = (
        place_of(node)
        for node in program.graph.nodes
        if node.op == "call_function"
        and (any(given.name in held for given in node.all_input_nodes) or _has_wide_number(node))
    )
    return tuple(dict.fromkeys(found))


def _is_wide(value: torch.Tensor) -> bool:
    return value.dtype is torch.int64 and value.numel() > 0 and int(value.abs().max()) > _LARGEST


def _has_wide_number(node: fx.Node) -> bool:
    """Whether a number in the place of a tensor, or of a scalar, is wider: ends of slices are neither."""
    value = node.meta.get("val")
    if not isinstance(node.target, torch._ops.OpOverload) or not isinstance(value, torch.Tensor):
        return False
    given = schema_arguments(node)
    numbers = [
        given[argument.name]
        for argument in node.target._schema.arguments
        if isinstance(argument.type, (torch.NumberType, torch.TensorType))
    ]
    return value.dtype is torch.int64 and any(isinstance(each, int) and abs(each) > _LARGEST for each in numbers)
