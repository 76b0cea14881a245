"""Tells how a TensorFlow function resizes, pads its convolutions and computes GELU, with the lines of the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ..inspection.padding import Step, same_pads, sum_of, zeros_before
from ..inspection.variants import Axis, Gelu, Pads, Resize, Variants, Window
from .program import TensorFlowProgram

_OURS = str(Path(__file__).parents[1])
_FOREIGN = ("/site-packages/keras/", "/site-packages/tensorflow/", "/site-packages/tf_keras/")
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
_MODES = {"ResizeNearestNeighbor": "nearest", "ResizeBilinear": "linear", "ResizeBicubic": "cubic"}
_KERNELS = {b"triangle": ("linear", None), b"keyscubic": ("cubic", -0.5)}
_LARGEST = 2**31 - 1


def variants_of(program: TensorFlowProgram) -> Variants:
    """What the function itself computes with; functions that it calls, as those of a SavedModel, are not looked at."""
    operators = program.function.get_concrete_function(*program.specs).graph.get_operations()
    return Variants(
        resizes=tuple(resize for operator in operators if (resize := _resize(operator)) is not None),
        windows=tuple(_window(operator) for operator in operators if operator.type in _CONVOLUTIONS),
        gelus=tuple(Gelu(curve="erf", place=_place(operator)) for operator in operators if operator.type == "Erf"),
        curves=frozenset("tanh" for operator in operators if operator.type == "Tanh"),
        wide=tuple(_place(operator) for operator in operators if _is_wide(operator)),
    )


def _resize(operator: Any) -> Resize | None:
    if operator.type in _MODES:
        found = _plain(operator)
    elif operator.type == "ScaleAndTranslate" and operator.get_attr("kernel_type") in _KERNELS:
        mode, coefficient = _KERNELS[operator.get_attr("kernel_type")]
        antialias = bool(operator.get_attr("antialias"))
        found = Resize(mode=mode, rule="half-pixel", coefficient=coefficient, antialias=antialias)
    else:
        return None
    return replace(found, axes=tuple(_axes(operator)), place=_place(operator))


def _plain(operator: Any) -> Resize:
    corners, half = (bool(operator.get_attr(name)) for name in ("align_corners", "half_pixel_centers"))
    mode = _MODES[operator.type]
    return Resize(
        mode=mode,
        rule="align-corners" if corners else "half-pixel" if half else "asymmetric",
        rounding="half-up" if corners or half else "floor",
        coefficient=(-0.5 if half else -0.75) if mode == "cubic" else None,
    )


def _axes(operator: Any) -> Iterator[Axis]:
    """Height and width, nothing where one is open."""
    pairs = zip(_sizes(operator.inputs[0]), _sizes(operator.outputs[0]), strict=True)
    axes = [Axis(before=old, after=new) for old, new in pairs if old is not None and new is not None]
    yield from axes if len(axes) == 2 else ()


def _window(operator: Any) -> Window:
    channels_last = operator.get_attr("data_format") == b"NHWC"
    axes = slice(1, 3) if channels_last else slice(2, 4)
    kernel = tuple(int(size) for size in operator.inputs[1].shape[:2])
    stride, dilation = (tuple(operator.get_attr(name)[axes]) for name in ("strides", "dilations"))
    own: Pads | None = ((0, 0), (0, 0))
    if operator.get_attr("padding") == b"SAME":
        sizes = tuple(operator.inputs[0].shape[axes])
        own = None if None in sizes else same_pads(sizes, kernel, stride, dilation)
    elif operator.get_attr("padding") == b"EXPLICIT":
        listed = np.reshape(operator.get_attr("explicit_paddings"), (4, 2))[axes]
        own = tuple((int(before), int(behind)) for before, behind in listed)
    before = zeros_before(operator.inputs[0], _step, (axes.start, axes.start + 1))
    pads = None if own is None else sum_of(own, before)
    return Window(kernel=kernel, stride=stride, dilation=dilation, pads=pads, place=_place(operator))


def _step(tensor: Any) -> Step[Any] | None:
    """What padded or turned a tensor, if nothing else did."""
    operator = tensor.op
    if operator.type not in ("Pad", "PadV2", "Transpose"):
        return None
    numbers = tf.get_static_value(operator.inputs[1])
    if numbers is None:
        return None
    if operator.type == "Transpose":
        return Step(given=operator.inputs[0], order=tuple(int(axis) for axis in numbers))
    return Step(given=operator.inputs[0], pads=tuple((int(before), int(behind)) for before, behind in numbers))


def _sizes(tensor: Any) -> tuple[int | None, ...]:
    return tuple(tensor.shape[1:3]) if tensor.shape.rank == 4 else (None,)


def _is_wide(operator: Any) -> bool:
    """Whether an operator is an int64 constant that 32 bits do not hold."""
    if operator.type != "Const" or operator.outputs[0].dtype != tf.int64:
        return False
    value = tf.make_ndarray(operator.get_attr("value"))
    return value.size > 0 and int(np.abs(value).max()) > _LARGEST


def _place(operator: Any) -> str:
    """The layer and the line: "resizing (net.py:12, in call)"."""
    layer = operator.name.rpartition("/")[0]
    frames = [frame for frame in operator.traceback if not _is_foreign(frame.filename)]
    line = f"({Path(frames[-1].filename).name}:{frames[-1].lineno}, in {frames[-1].name})" if frames else ""
    return f"{layer} {line}".strip()


def _is_foreign(file: str) -> bool:
    return file.startswith(_OURS) or any(part in file for part in _FOREIGN)
