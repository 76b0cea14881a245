"""Resize: nearest, linear and cubic, by torch's own interpolation where the two agree exactly.

Everywhere else the places and weights are worked out per axis on the host, from the formulas of
the ONNX operator page (Resize, coordinate_transformation_mode), and the axis is gathered.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...errors import UnsupportedOperators
from ..graph import Node
from ..values import Value, as_numbers, as_tensor, sizes_of
from .calling import Operator, Results, axis_of
from .sampling import Axis, rounding_of, taps_of

_TORCH_MODES = {
    "linear": {3: "linear", 4: "bilinear", 5: "trilinear"},
    "cubic": {4: "bicubic"},
    "nearest": {3: "nearest", 4: "nearest", 5: "nearest"},
}
# floor(i * in / out), and floor((i + 0.5) * in / out)
_NEAREST_BY_FORMULA = {
    ("asymmetric", "floor"): "nearest",
    ("tf_half_pixel_for_nn", "floor"): "nearest-exact",
    ("half_pixel", "round_prefer_ceil"): "nearest-exact",
}


def resize(node: Node, value: Value, *inputs: Value | None) -> Results:
    """Resize by scales or to sizes; opset 10 has scales only, Upsample (7 to 9) likewise."""
    _refuse(node)
    tensor = as_tensor(value)
    axes = resized_axes(node, tensor, inputs)
    changed = [axis for axis in axes if not _unchanged(axis)]
    if not changed:
        return tensor
    whole = _by_torch(node, tensor, changed)
    if whole is not None:
        return whole
    for axis in changed:
        tensor = _by_taps(node, tensor, axis)
    return tensor


def _refuse(node: Node) -> None:
    mode = node.text("coordinate_transformation_mode", "half_pixel")
    reason = ""
    if mode == "tf_crop_and_resize":
        reason = "crops by boxes while it resizes (tf_crop_and_resize)"
    elif node.integer("antialias", 0):
        reason = "filters against aliasing (antialias=1)"
    if reason:
        raise UnsupportedOperators(
            f"Resize {node.name!r} {reason}, which no torch operator does in the same way",
            fix="resize without it (tf.image.resize(..., antialias=False)), or convert only to litert and onnx",
        )


def resized_axes(node: Node, tensor: Tensor, inputs: tuple[Value | None, ...]) -> list[Axis]:
    """Every axis that the node names, with its size before and after and its scale."""
    given = [None if value is None or 0 in value.shape else value for value in inputs]
    _, scales, sizes = [None, *given, None][:3] if node.opset < 11 else [*given, None, None, None][:3]
    named = node.integers("axes")
    places = list(range(tensor.ndim)) if named is None else [axis_of(axis, tensor.ndim) for axis in named]
    before = [sizes_of(tensor)[place] for place in places]
    if sizes is not None:
        after, ratios = _to_sizes(node, before, as_numbers(sizes))
    else:
        attribute = node.attributes.get("scales", ())  # of Upsample up to opset 8
        ratios = as_numbers(scales) if scales is not None else [float(scale) for scale in attribute]
        after = [_scaled(size, ratio) for size, ratio in zip(before, ratios, strict=True)]
    return [
        Axis(place=place, before=have, after=want, scale=ratio)
        for place, have, want, ratio in zip(places, before, after, ratios, strict=True)
    ]


def _scaled(size: Any, ratio: Any) -> Any:
    """floor(size * ratio), the product rounded to float32 as the runtimes do: 25 * 0.44 is 11, not 10."""
    if isinstance(size, torch.SymInt) or isinstance(ratio, torch.SymFloat):
        return torch.sym_int(size * ratio)
    return int(np.float32(size) * np.float32(ratio))


def _to_sizes(node: Node, before: list[Any], after: list[Any]) -> tuple[list[Any], list[Any]]:
    ratios = [want / have for have, want in zip(before, after, strict=True)]
    policy = node.text("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return after, ratios
    ratio = min(ratios) if policy == "not_larger" else max(ratios)
    return [int(size * ratio + 0.5) for size in before], [ratio] * len(before)


def _unchanged(axis: Axis) -> bool:
    return axis.scale == 1 and bool(axis.before == axis.after)


def _by_torch(node: Node, tensor: Tensor, axes: list[Axis]) -> Tensor | None:
    """The whole resize as one torch interpolation, where torch computes the very same thing."""
    kind = node.text("mode", "nearest")
    mode = _TORCH_MODES[kind].get(tensor.ndim)
    if mode is None or any(axis.place < 2 for axis in axes) or any(axis.inexact for axis in axes):
        return None
    if kind == "cubic" and (node.number("cubic_coeff_a", -0.75) != -0.75 or node.integer("exclude_outside", 0)):
        return None
    sizes = list(sizes_of(tensor)[2:])
    for axis in axes:
        sizes[axis.place - 2] = axis.after
    transform = node.text("coordinate_transformation_mode", "asymmetric" if node.opset < 11 else "half_pixel")
    if kind == "nearest":
        exact = _nearest_of_torch(node, axes, transform)
        return None if exact is None else functional.interpolate(tensor, sizes, mode=exact)
    if transform == "align_corners":
        return functional.interpolate(tensor, sizes, mode=mode, align_corners=True)
    if transform == "half_pixel" or (transform == "pytorch_half_pixel" and all(axis.after != 1 for axis in axes)):
        return functional.interpolate(tensor, sizes, mode=mode, align_corners=False)
    return None


def _nearest_of_torch(node: Node, axes: list[Axis], transform: str) -> str | None:
    """The torch mode that reads the same places: compared one by one, or by formula when sizes are symbols."""
    if any(axis.dynamic for axis in axes):
        roundings = {rounding_of(node, axis) for axis in axes}
        return _NEAREST_BY_FORMULA.get((transform, roundings.pop())) if len(roundings) == 1 else None
    wanted = [taps_of(node, axis)[0][0] for axis in axes]
    for mode in ("nearest", "nearest-exact"):
        if all(_places_of_torch(axis, mode) == places for axis, places in zip(axes, wanted, strict=True)):
            return mode
    return None


def _places_of_torch(axis: Axis, mode: str) -> list[int]:
    """What torch's nearest modes read, in float32 like its kernels (aten/src/ATen/native/UpSample.h)."""
    scale = np.float32(axis.before) / np.float32(axis.after)
    shift = np.float32(0.5 if mode == "nearest-exact" else 0.0)
    sources = (np.arange(axis.after, dtype=np.float32) + shift) * scale
    return [min(int(source), axis.before - 1) for source in np.floor(sources)]


def _by_taps(node: Node, tensor: Tensor, axis: Axis) -> Tensor:
    if axis.dynamic:
        raise UnsupportedOperators(
            f"Resize {node.name!r} changes an axis of dynamic size in a way that torch has no operator for "
            f"({node.text('mode', 'nearest')}, {node.text('coordinate_transformation_mode', 'half_pixel')})",
            fix="give the model a fixed height and width",
        )
    places, weights = taps_of(node, axis)
    shape = [-1 if place == axis.place else 1 for place in range(tensor.ndim)]
    total: Tensor | None = None
    for index, weight in zip(places, weights, strict=True):
        taken = torch.index_select(tensor, axis.place, torch.tensor(index))
        if len(places) == 1 and all(value == 1 for value in weight):
            return taken
        part = taken * torch.tensor(weight, dtype=tensor.dtype).reshape(shape)
        total = part if total is None else total + part
    return tensor if total is None else total


OPERATORS: dict[str, Operator] = {"Resize": resize, "Upsample": resize}
