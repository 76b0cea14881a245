"""Sounds to inputs: cut or filled up to the window, and log-mel features against sums by their definition."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from edgeproof.converters.preprocessing.audio import preprocess_audio
from edgeproof.converters.preprocessing.spec import AudioSpec, LogMel

FEATURES = LogMel(fft=16, hop=6, mels=3, low=100.0, high=3000.0, offset=1e-3)


def made(pcm: np.ndarray, spec: AudioSpec) -> np.ndarray:
    values = preprocess_audio(pcm, msgspec.to_builtins(spec))
    assert values.dtype == np.float32
    return values


def mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


def by_definition(values: list[float], rate: int, features: LogMel) -> list[list[float]]:
    fft, step = features.fft, (mel(features.high) - mel(features.low)) / (features.mels + 1)
    corners = [700 * (10 ** ((mel(features.low) + index * step) / 2595) - 1) for index in range(features.mels + 2)]
    rows: list[list[float]] = []
    for start in range(0, len(values) - fft + 1, features.hop):
        frame = [values[start + i] * (0.5 - 0.5 * math.cos(2 * math.pi * i / fft)) for i in range(fft)]
        power = [
            abs(sum(x * complex(math.cos(a * i), math.sin(a * i)) for i, x in enumerate(frame))) ** 2
            for a in (-2 * math.pi * k / fft for k in range(fft // 2 + 1))
        ]
        row: list[float] = []
        for low, centre, high in zip(corners, corners[1:], corners[2:], strict=False):
            shares = (
                max(0.0, min((k * rate / fft - low) / (centre - low), (high - k * rate / fft) / (high - centre)))
                for k in range(fft // 2 + 1)
            )
            row.append(math.log(sum(map(math.prod, zip(shares, power, strict=True))) + features.offset))
        rows.append(row)
    return rows


@pytest.mark.parametrize("count", [3, 5, 8])
def test_samples_are_cut_or_followed_by_zeros(count: int) -> None:
    pcm = np.array([-32768, 16384, 1, 32767, -1, 5, 6, 7][:count], np.int16)
    values = made(pcm, AudioSpec(input="x", rate=8000, window=5))
    assert values.tolist() == [[*(pcm[:5] / 32768).tolist(), *[0.0] * (5 - min(count, 5))]]


def test_features_are_those_of_the_definition(rng: np.random.Generator) -> None:
    spec = AudioSpec(input="x", rate=8000, window=40, features=FEATURES)
    pcm = rng.integers(-32768, 32768, 40).astype(np.int16)
    values = made(pcm, spec)
    assert values.shape == (1, 1 + (40 - 16) // 6, 3)
    expected = by_definition((pcm / 32768).tolist(), 8000, FEATURES)
    np.testing.assert_allclose(values[0], expected, rtol=1e-6)


def test_silence_is_the_logarithm_of_the_offset() -> None:
    values = made(np.zeros(1, np.int16), AudioSpec(input="x", rate=8000, window=40, features=FEATURES))
    assert np.array_equal(values, np.full((1, 5, 3), math.log(1e-3), np.float32))
