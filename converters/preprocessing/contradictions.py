"""What contradicts itself within a preprocessing specification, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .kinds import AudioSpec, ImageSpec, Resize, Spec, TextSpec

_SMALLEST, _LARGEST = 2.0**-126, 3.4e38  # of what float32 holds with all its digits


def contradictions(spec: Spec, folder: Path) -> Iterator[str]:
    """Sentences on a specification; `folder` is where the files must lie that it names."""
    match spec:
        case ImageSpec():
            return _in_image(spec)
        case AudioSpec():
            return _in_audio(spec)
        case TextSpec():
            return _in_text(spec, folder)


def _in_image(spec: ImageSpec) -> Iterator[str]:
    if spec.resize is not None:
        yield from _in_sizes(spec.resize, spec.crop)
    if not _divides(spec.divisor):
        yield f"by a divisor of {spec.divisor} no value can be divided in float32"
    for name, numbers in (("mean", spec.mean), ("std", spec.std)):
        if numbers is not None and len(numbers) != spec.colours.channels:
            yield f"{name} has {len(numbers)} numbers, {spec.colours} has {spec.colours.channels} channels"
    if any(not abs(number) <= _LARGEST for number in spec.mean or ()):
        yield "mean has a number that float32 does not hold"
    if any(not _divides(number) for number in spec.std or ()):
        yield "by a std of 0, or one that float32 does not hold, no value can be divided"


def _in_sizes(resize: Resize, crop: tuple[int, int] | None) -> Iterator[str]:
    if (resize.size is None) == (resize.shortest is None):
        given = "neither size nor" if resize.size is None else "both size and"
        yield f"resize has {given} shortest, and takes one of them"
    if crop is None:
        return
    if resize.size is not None and (crop[0] > resize.size[0] or crop[1] > resize.size[1]):
        yield f"a crop of {_area(crop)} does not lie in {_area(resize.size)}, to which images are resized"
    if resize.shortest is not None and min(crop) > resize.shortest:
        yield f"a crop of {_area(crop)} does not lie in an image whose shorter side is {resize.shortest}"


def _in_audio(spec: AudioSpec) -> Iterator[str]:
    if spec.features is None:
        return
    features = spec.features
    if features.fft > spec.window:
        yield f"fft {features.fft} is longer than the window of {spec.window} samples"
    if not 0.0 <= features.low < features.high:
        yield f"from low {features.low} Hz to high {features.high} Hz there is no band"
    if features.high > spec.rate / 2:
        yield f"high {features.high} Hz is more than half the rate, above which a sound of {spec.rate} Hz has nothing"
    if not _SMALLEST <= features.offset <= _LARGEST:
        yield f"offset is {features.offset}, and silence has no logarithm without a positive one"


def _in_text(spec: TextSpec, folder: Path) -> Iterator[str]:
    if spec.ids == spec.mask:
        yield f"ids and mask are both {spec.ids!r}"
    if spec.padding < 0:
        yield f"padding is {spec.padding}, and no token has a negative number"
    if not spec.tokenizer:
        yield "tokenizer names no file; its first one is a tokenizer.json"
    for name in spec.tokenizer:
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or "\\" in name:
            yield f"{name!r} of tokenizer does not lie beside the specification"
        elif not (folder / place).is_file():
            yield f"{name!r} of tokenizer is not there"
    twice = [name for name, count in Counter(PurePosixPath(name).name for name in spec.tokenizer).items() if count > 1]
    if twice:
        yield f"two files of tokenizer are called {twice[0]!r}, and they are handed over in one folder"


def _divides(number: float) -> bool:
    return _SMALLEST <= abs(number) <= _LARGEST


def _area(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} (height x width)"
