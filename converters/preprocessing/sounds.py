"""Reads .wav files of 16 bits with the standard library."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from ..errors import InputError


def read_samples_of(path: Path, rate: int) -> np.ndarray:
    """The samples (n,) of a .wav file as int16; of several channels the mean, rounded down.

    Raises InputError for what is no .wav of 16 bits, has another rate (nothing is resampled) or no sample.
    """
    try:
        with wave.open(str(path), "rb") as sound:
            found, channels, width = sound.getframerate(), sound.getnchannels(), sound.getsampwidth()
            frames = sound.readframes(sound.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise InputError(f"{path} is no .wav file: {error}", fix="store it as PCM of 16 bits in a .wav file") from error
    if width != 2:
        raise InputError(f"{path} has {width * 8} bits a sample", fix="store it as PCM of 16 bits in a .wav file")
    if found != rate:
        raise InputError(
            f"{path} has {found} Hz, the specification takes {rate} Hz, and sounds are not resampled here",
            fix=f"resample it to {rate} Hz with a tool of your choice, as the app will have to",
        )
    whole = len(frames) // (2 * channels) * channels
    values = np.frombuffer(frames, "<i2", count=whole).reshape(-1, channels)
    if not len(values):
        raise InputError(f"{path} holds no sample", fix="take it away")
    mean: np.ndarray = (values.sum(axis=1, dtype=np.int64) // channels).astype(np.int16)
    return mean
