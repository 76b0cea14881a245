"""From a sound's samples to a model's input as a specification says, with numpy alone; bundles ship this very file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def preprocess_audio(pcm: npt.NDArray[np.int16], spec: Mapping[str, Any]) -> npt.NDArray[np.float32]:
    """The tensor (1, window), or of features (1, frames, mels), of a sound: int16 samples of one channel.

    `spec` is the content of preprocess.json; the sound must have its rate.
    """
    window: int = spec["window"]
    values = np.zeros(window)
    values[: min(window, len(pcm))] = pcm[:window] / 32768.0
    if spec["features"] is not None:
        return _log_mel(values, spec["rate"], spec["features"])[np.newaxis].astype(np.float32)
    return values[np.newaxis].astype(np.float32)


def _log_mel(values: Values, rate: int, features: Mapping[str, Any]) -> Values:
    """The features (frames, mels): frames lie in the window as a whole, nothing is padded."""
    fft, hop = features["fft"], features["hop"]
    frames = np.lib.stride_tricks.sliding_window_view(values, fft)[::hop]
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(fft) / fft)
    power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    logarithms: Values = np.log(power @ _bands(rate, features) + features["offset"])
    return logarithms


def _bands(rate: int, features: Mapping[str, Any]) -> Values:
    """The weights (fft // 2 + 1, mels) of triangles whose corners are equally far apart on the HTK mel scale."""
    low, high = (2595.0 * np.log10(1.0 + features[end] / 700.0) for end in ("low", "high"))
    mels = np.linspace(low, high, features["mels"] + 2)
    corners = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    hertz = (np.arange(features["fft"] // 2 + 1) * (rate / features["fft"]))[:, np.newaxis]
    rising = (hertz - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - hertz) / (corners[2:] - corners[1:-1])
    bands: Values = np.maximum(0.0, np.minimum(rising, falling))
    return bands
