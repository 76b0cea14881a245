"""The preprocessing that bundles ship in C++ and Kotlin beside the one that convert runs: images bit for bit."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgeproof.converters.job import Layout
from edgeproof.converters.preprocessing.audio import preprocess_audio
from edgeproof.converters.preprocessing.image import preprocess_image
from edgeproof.converters.preprocessing.spec import AudioSpec, Colours, Filter, ImageSpec, LogMel, Resize
from edgeproof.validators import bundle

SHIPPED = Path(bundle.__file__).parent / "examples" / "shipped"
REPLAYS = Path(__file__).parents[3] / "support" / "preprocessing"
COLOURS, FILTERS = [*Colours], [*Filter]


def images() -> Iterator[tuple[ImageSpec, np.ndarray]]:
    """Specifications and pixels; black and white ones overshoot, and find ties."""
    generator = np.random.default_rng(20)
    for index in range(240):
        height, width = generator.integers(9, 60, 2)
        levels = 2 if index % 3 else 256
        pixels = generator.integers(0, levels, (height, width, 3)) * (255 // (levels - 1))
        yield _image(generator), pixels.astype(np.uint8)


def _image(generator: np.random.Generator) -> ImageSpec:
    colours = COLOURS[generator.integers(len(COLOURS))]
    height, width = (int(size) for size in generator.integers(8, 70, 2))
    sized = {"size": (height, width)} if generator.integers(2) else {"shortest": height}
    kind, antialias = FILTERS[generator.integers(len(FILTERS))], bool(generator.integers(2))
    return ImageSpec(
        input="x",
        colours=colours,
        resize=msgspec.convert({**sized, "filter": kind, "antialias": antialias}, Resize),
        crop=(7, 8) if generator.integers(2) else None,
        divisor=(1.0, 127.5, 255.0)[generator.integers(3)],
        mean=tuple(generator.uniform(-1, 1, colours.channels).astype(np.float32).tolist()),
        std=tuple(generator.uniform(0.1, 2, colours.channels).astype(np.float32).tolist()),
        layout=Layout.NHWC if generator.integers(2) else Layout.NCHW,
    )


def sounds() -> Iterator[tuple[AudioSpec, np.ndarray]]:
    generator = np.random.default_rng(21)
    for fft, hop, mels in ((0, 1, 1), (256, 128, 20), (400, 160, 40), (75, 50, 8)):
        features = LogMel(fft=fft, hop=hop, mels=mels, low=50.0, high=4000.0) if fft else None
        pcm = generator.integers(-32768, 32768, 1500).astype(np.int16)
        yield AudioSpec(input="x", rate=8000, window=1600, features=features), pcm


def words_of_image(spec: ImageSpec, pixels: np.ndarray) -> Iterable[object]:
    assert spec.resize is not None
    yield from ("image", *pixels.shape[:2], COLOURS.index(spec.colours), *(spec.resize.size or (0, 0)))
    yield from (spec.resize.shortest or 0, FILTERS.index(spec.resize.filter), int(spec.resize.antialias))
    yield from (*(spec.crop or (0, 0)), int(spec.layout is Layout.NHWC), spec.divisor, spec.colours.channels)
    yield from (f"{number:.30f}" for number in (*(spec.mean or ()), *(spec.std or ())))
    yield from pixels.ravel().tolist()


def words_of_sound(spec: AudioSpec, pcm: np.ndarray) -> Iterable[object]:
    yield from ("audio", spec.rate, spec.window)
    features = spec.features or LogMel(fft=1, hop=1, mels=1, high=1.0)
    yield from (0 if spec.features is None else features.fft, features.hop, features.mels)
    yield from (features.low, features.high, f"{features.offset:.20f}", len(pcm), *pcm.tolist())


def replayed(command: Sequence[str | Path]) -> list[np.ndarray]:
    """What a program makes of all images and then all sounds."""
    cases = [*(words_of_image(*case) for case in images()), *(words_of_sound(*case) for case in sounds())]
    text = "\n".join(" ".join(map(str, words)) for words in cases)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return [np.array(line.split(), np.uint32).view(np.float32) for line in done.stdout.splitlines()]


def agrees(found: list[np.ndarray]) -> None:
    expected = [preprocess_image(pixels, msgspec.to_builtins(spec)) for spec, pixels in images()]
    heard = [preprocess_audio(pcm, msgspec.to_builtins(spec)) for spec, pcm in sounds()]
    assert len(found) == len(expected) + len(heard)
    for wanted, given in zip(expected, found, strict=False):
        assert wanted.tobytes() == given.tobytes()
    for wanted, given in zip(heard, found[len(expected) :], strict=True):
        np.testing.assert_allclose(given, wanted.ravel(), rtol=0, atol=1e-4)


# Compilers may fuse multiplications with additions where the processor can, which must change nothing.
@pytest.mark.parametrize("flags", [("-O2",), ("-O3", "-march=native", "-ffp-contract=fast")], ids=["plain", "fused"])
def test_the_header_gives_the_bits_of_the_reference(flags: tuple[str, ...], tmp_path: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no g++ here")
    program = tmp_path / "replay"
    strict = ("-std=c++17", "-Wall", "-Wextra", "-Werror")
    sources = ("-I", SHIPPED, REPLAYS / "replay.cpp", "-o", program)
    subprocess.run([compiler, *strict, *flags, *sources], check=True)
    agrees(replayed([program]))


def test_kotlin_gives_the_bits_of_the_reference(tmp_path: Path) -> None:
    compiler, machine = shutil.which("kotlinc"), shutil.which("java")
    if compiler is None or machine is None:
        pytest.skip("there is no Kotlin compiler here")
    archive = tmp_path / "replay.jar"
    sources = (SHIPPED / "Preprocess.kt", REPLAYS / "Replay.kt", "-include-runtime", "-d", archive)
    subprocess.run([compiler, *sources], check=True, capture_output=True)
    agrees(replayed([machine, "-jar", archive]))
