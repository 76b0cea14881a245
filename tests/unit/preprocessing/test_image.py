"""Images to inputs: every bit as Pillow resizes and as the formulas say, over seeded sizes, filters and colours."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from edgeproof.converters.job import Layout
from edgeproof.converters.preprocessing.image import preprocess_image
from edgeproof.converters.preprocessing.spec import Colours, Filter, ImageSpec, Resize

PILLOWS = {
    Filter.NEAREST: Image.Resampling.NEAREST,
    Filter.BOX: Image.Resampling.BOX,
    Filter.BILINEAR: Image.Resampling.BILINEAR,
    Filter.BICUBIC: Image.Resampling.BICUBIC,
}


def made(pixels: np.ndarray, **said: Any) -> np.ndarray:
    """The values of a specification that neither scales nor moves the channels, as uint8 (height, width, channels)."""
    spec = ImageSpec(input="x", **{"divisor": 1.0, "layout": Layout.NHWC, **said})
    values = preprocess_image(pixels, msgspec.to_builtins(spec))
    assert values.dtype == np.float32
    return values[0].astype(np.uint8)


def by_pillow(pixels: np.ndarray, colours: Colours, size: tuple[int, int], kind: Filter) -> np.ndarray:
    """Rows first and columns then, by two calls: in one, Pillow 13 takes the order that is less work."""
    image = Image.fromarray(pixels)
    if colours is Colours.GREY:
        image = image.convert("L")
    image = image.resize((size[1], image.height), PILLOWS[kind]).resize((size[1], size[0]), PILLOWS[kind])
    values = np.asarray(image).reshape(*size, colours.channels)
    return values[:, :, ::-1] if colours is Colours.BGR else values


@pytest.mark.parametrize("levels", [256, 2])
@pytest.mark.parametrize("kind", list(Filter))
@pytest.mark.parametrize("colours", list(Colours))
def test_resizing_gives_the_bits_of_pillow(
    colours: Colours, kind: Filter, levels: int, rng: np.random.Generator
) -> None:
    for _ in range(60):
        height, width, *size = (int(number) for number in rng.integers(1, 80, 4))
        pixels = (rng.integers(0, levels, (height, width, 3)) * (255 // (levels - 1))).astype(np.uint8)
        given = made(pixels, colours=colours, resize=Resize(size=(size[0], size[1]), filter=kind))
        assert np.array_equal(given, by_pillow(pixels, colours, (size[0], size[1]), kind))


def test_a_photograph_shrinks_and_grows_far(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (701, 1203, 3)).astype(np.uint8)
    for size in ((224, 224), (3, 1500)):
        given = made(pixels, resize=Resize(size=size, filter=Filter.BICUBIC))
        assert np.array_equal(given, by_pillow(pixels, Colours.RGB, size, Filter.BICUBIC))


@pytest.mark.parametrize("kind", [Filter.BILINEAR, Filter.BICUBIC, Filter.BOX])
def test_without_antialias_growing_is_the_same_and_shrinking_skips_pixels(
    kind: Filter, rng: np.random.Generator
) -> None:
    pixels = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    for size, same in (((11, 13), True), ((2, 2), False)):
        wide, narrow = (made(pixels, resize=Resize(size=size, filter=kind, antialias=flag)) for flag in (True, False))
        assert np.array_equal(wide, narrow) is same


def test_without_antialias_bilinear_is_the_mean_of_the_pixels_beside_the_centre() -> None:
    row = np.array([[0, 10, 20, 40, 0, 0, 8, 5]], np.uint8)
    pixels = np.repeat(row[:, :, np.newaxis], 3, axis=2)
    narrow = made(pixels, resize=Resize(size=(1, 2), antialias=False))
    assert narrow[0, :, 0].tolist() == [15, 4]  # centres at 2 and 6: (10 + 20) / 2 and (0 + 8) / 2


@pytest.mark.parametrize(
    ("size", "new"),
    [((10, 10), (7, 7)), ((10, 20), (7, 14)), ((15, 10), (10, 7)), ((333, 500), (224, 336)), ((500, 333), (336, 224))],
)
def test_the_longer_side_is_rounded_down(size: tuple[int, int], new: tuple[int, int]) -> None:
    shape = made(np.zeros((*size, 3), np.uint8), resize=Resize(shortest=min(new))).shape
    assert shape == (*new, 3)
    assert max(new) == int(min(new) * max(size) / min(size))


@pytest.mark.parametrize("spare", range(9))
def test_the_centre_lies_where_torchvision_has_it(spare: int) -> None:
    height, width = 4 + spare, 3 + spare
    pixels = np.arange(height * width, dtype=np.uint8).reshape(height, width, 1).repeat(3, axis=2)
    offset = round(spare / 2.0)  # Python rounds halves to the even number
    assert np.array_equal(made(pixels, crop=(4, 3)), pixels[offset : offset + 4, offset : offset + 3])


def test_what_is_smaller_than_its_centre_is_refused() -> None:
    with pytest.raises(ValueError, match=r"4 x 9 .* has no centre of 5 x 5"):
        made(np.zeros((4, 9, 3), np.uint8), crop=(5, 5))


def test_every_operation_is_rounded_to_float32() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    spec = ImageSpec(input="x", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    values = preprocess_image(pixels, msgspec.to_builtins(spec))
    assert values.shape == (1, 3, 16, 16)
    value = np.float32(np.float32(np.float32(200) / np.float32(255)) - np.float32(0.456)) / np.float32(0.224)
    assert values[0, 1].ravel()[200] == value
    assert values.dtype == np.float32
