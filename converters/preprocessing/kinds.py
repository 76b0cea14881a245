"""The kinds of preprocessing specifications: what there is to say about images, sounds and texts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from ..job import Layout

SCHEMA = 1
HOW = "docs/preprocessing.md lists what a specification may say"
Positive = Annotated[int, msgspec.Meta(gt=0)]


class Filter(StrEnum):
    """How a resized pixel comes of those around it; the kernels are those of Pillow's Image.resize."""

    NEAREST = "nearest"
    BOX = "box"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


class Colours(StrEnum):
    """Which channels a pixel has, in which order; `grey` is (19595 R + 38470 G + 7471 B + 32768) >> 16."""

    RGB = "rgb"
    BGR = "bgr"
    GREY = "grey"

    @property
    def channels(self) -> int:
        """How many there are."""
        return 1 if self is Colours.GREY else 3


class Resize(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To `size` (height, width), or to `shortest`: the shorter side gets this size, and the image keeps its aspect.

    With `antialias` the kernel widens as an image shrinks, without it is always one source pixel wide.
    """

    size: tuple[Positive, Positive] | None = None
    shortest: Positive | None = None
    filter: Filter = Filter.BILINEAR
    antialias: bool = True


class ImageSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="image", tag_field="kind"):
    """An image of 8 bits a channel to the float32 tensor `input` with a batch axis of 1.

    In this order: colours, resize, crop of the centre to (height, width), then for every value in float32
    (pixel / divisor - mean) / std, each operation rounded; `mean` and `std` have a number for each channel, in the
    order of `colours`.
    """

    schema: int = SCHEMA
    input: str
    colours: Colours = Colours.RGB
    resize: Resize | None = None
    crop: tuple[Positive, Positive] | None = None
    divisor: float = 255.0
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    layout: Layout = Layout.NCHW


class LogMel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Log-mel features: power spectra of Hann windows of `fft` samples every `hop`, in `mels` bands of the HTK scale.

    Bands lie from `low` to `high` Hz; a feature is the natural logarithm of its band's power plus `offset`.
    """

    fft: Positive
    hop: Positive
    mels: Positive
    low: float = 0.0
    high: float
    offset: float = 1e-6


class AudioSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="audio", tag_field="kind"):
    """A sound of 16 bits to the float32 tensor `input` with a batch axis of 1.

    The first `window` samples at `rate` Hz (zeros follow a shorter sound), of several channels their mean, rounded
    down, value = sample / 32768; or the features of those, (1, frames, mels).
    """

    schema: int = SCHEMA
    input: str
    rate: Positive
    window: Positive
    features: LogMel | None = None


class TextSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="text", tag_field="kind"):
    """A text to token numbers `ids` and their `mask` (1 for a token), padded with `padding` to `length`.

    `tokenizer` names files beside the specification, the first of which is a tokenizer.json of Hugging Face's
    tokenizers.
    """

    schema: int = SCHEMA
    ids: str
    mask: str | None = None
    tokenizer: tuple[str, ...]
    length: Positive
    padding: int = 0


Spec = ImageSpec | AudioSpec | TextSpec
