"""From an image's pixels to a model's input as a specification says, with numpy alone; bundles ship this very file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

_BITS = 22  # of a weight's fraction: 8 bits of a pixel and the sign of a sum still fit beside them in 32
Pixels = npt.NDArray[np.uint8]
Weights = npt.NDArray[np.float64]


def preprocess_image(pixels: Pixels, spec: Mapping[str, Any]) -> npt.NDArray[np.float32]:
    """The tensor (1, C, H, W) or (1, H, W, C) of an RGB image of uint8 (height, width, 3).

    `spec` is the content of preprocess.json. ValueError if the image is smaller than what is cut out of it.
    """
    image = _in_colours(pixels, spec["colours"])
    if spec["resize"] is not None:
        image = _resized(image, spec["resize"])
    if spec["crop"] is not None:
        image = _centre(image, *spec["crop"])
    values: npt.NDArray[np.float32] = image.astype(np.float32) / np.float32(spec["divisor"])
    if spec["mean"] is not None:
        values = np.subtract(values, np.asarray(spec["mean"], np.float32))
    if spec["std"] is not None:
        values = np.divide(values, np.asarray(spec["std"], np.float32))
    if spec["layout"] == "nchw":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[np.newaxis])


def _in_colours(pixels: Pixels, colours: str) -> Pixels:
    if colours == "bgr":
        return pixels[:, :, ::-1]
    if colours == "rgb":
        return pixels
    red, green, blue = (pixels[:, :, channel].astype(np.int32) for channel in range(3))
    grey = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    return grey.astype(np.uint8)[:, :, np.newaxis]


def _resized(image: Pixels, resize: Mapping[str, Any]) -> Pixels:
    height, width = _new_size(image.shape[0], image.shape[1], resize)
    if resize["filter"] == "nearest":
        return image[_nearest(image.shape[0], height)][:, _nearest(image.shape[1], width)]
    options = (resize["filter"], resize["antialias"])
    wide = _along_rows(image, width, *options)
    return _along_rows(wide.transpose(1, 0, 2), height, *options).transpose(1, 0, 2)


def _new_size(height: int, width: int, resize: Mapping[str, Any]) -> tuple[int, int]:
    """The exact size, or the one whose shorter side is `shortest` and whose longer side is rounded down."""
    if resize["size"] is not None:
        return resize["size"][0], resize["size"][1]
    shortest: int = resize["shortest"]
    short, long = min(height, width), max(height, width)
    longer = shortest * long // short
    return (shortest, longer) if height <= width else (longer, shortest)


def _nearest(old: int, new: int) -> npt.NDArray[np.intp]:
    """The source position of every new one; steps are added up one by one, since that is how they round."""
    steps = np.full(new, old / new)
    steps[0] = old / new * 0.5
    return np.cumsum(steps).astype(np.intp)


def _along_rows(image: Pixels, new: int, filter_name: str, antialias: bool) -> Pixels:  # noqa: FBT001
    """The image with rows of `new` pixels, each the weighted sum of source pixels in integers, rounded and clipped."""
    first, weights = _weights(image.shape[1], new, filter_name, antialias)
    total = np.full((image.shape[0], new, image.shape[2]), 1 << (_BITS - 1), np.int32)
    for tap in range(weights.shape[1]):
        column = np.minimum(first + tap, image.shape[1] - 1)  # beyond the last pixel the weight is 0
        total += image[:, column].astype(np.int32) * weights[np.newaxis, :, tap, np.newaxis]
    rounded: Pixels = np.clip(total >> _BITS, 0, 255).astype(np.uint8)
    return rounded


def _weights(
    old: int,
    new: int,
    filter_name: str,
    antialias: bool,  # noqa: FBT001
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int32]]:
    """The first source pixel of every new one, and the weights (new, taps) from there on, times 2 ** 22."""
    kernel, reach = _KERNELS[filter_name]
    scale = old / new
    widened = max(scale, 1.0) if antialias else 1.0
    reach *= widened
    centre = (np.arange(new) + 0.5) * scale
    first = np.maximum((centre - reach + 0.5).astype(np.intp), 0)
    count = np.minimum((centre + reach + 0.5).astype(np.intp), old) - first
    weights = np.zeros((new, math.ceil(reach) * 2 + 1))
    total = np.zeros(new)
    for tap in range(weights.shape[1]):
        inside = kernel((tap + first - centre + 0.5) * (1.0 / widened))
        weights[:, tap] = np.where(tap < count, inside, 0.0)
        total += weights[:, tap]  # one after another: numpy's own sum adds in pairs and rounds differently
    shares = weights / np.where(total == 0.0, 1.0, total)[:, np.newaxis]
    return first, (shares * (1 << _BITS) + np.where(shares < 0, -0.5, 0.5)).astype(np.int32)


def _box(x: Weights) -> Weights:
    return np.where((x > -0.5) & (x <= 0.5), 1.0, 0.0)


def _bilinear(x: Weights) -> Weights:
    return np.maximum(1.0 - np.abs(x), 0.0)


def _bicubic(x: Weights) -> Weights:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


_KERNELS: dict[str, tuple[Callable[[Weights], Weights], float]] = {
    "box": (_box, 0.5),
    "bilinear": (_bilinear, 1.0),
    "bicubic": (_bicubic, 2.0),
}


def _centre(image: Pixels, height: int, width: int) -> Pixels:
    """The centre; where it does not lie on a pixel, the offset is the even one of the two beside it."""
    spare = image.shape[0] - height, image.shape[1] - width
    if min(spare) < 0:
        raise ValueError(
            f"an image of {image.shape[0]} x {image.shape[1]} (height x width) has no centre of {height} x {width}"
        )
    top, left = ((free + (free >> 1 & 1)) >> 1 for free in spare)
    return image[top : top + height, left : left + width]
