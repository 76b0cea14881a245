"""The sleep stage classifier of sleepecg 0.6.0 (BSD-3-Clause): masking and bidirectional GRUs over a night."""

from __future__ import annotations

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from .package_files import package_file

REQUIREMENT = "sleepecg==0.6.0"
EPOCHS, FEATURES = 64, 36
MISSING = -1.0


def build() -> tuple[Any, tuple[NDArray[np.float32]]]:
    """The classifier of every epoch of a night, (n, epochs, 4), and a night of 56 epochs and 8 that are missing.

    Raises SourceError when the package is not installed.
    """
    archive = package_file(REQUIREMENT, "sleepecg/classifiers/wrn-gru-mesa.zip")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "classifier.keras"
        with zipfile.ZipFile(archive) as members:
            path.write_bytes(members.read(path.name))
        model = keras.saving.load_model(path, compile=False)
    night = np.random.default_rng(0).standard_normal((1, EPOCHS, FEATURES)).astype(np.float32)
    night[:, 56:] = MISSING
    return model, (night,)
