"""The 25x25 crops of scikit-image's LFW subset: 100 faces, then 100 pieces of background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.data import lfw_subset

GREY_LEVELS = 64


def read_crops() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images (200, 25, 25) in [0, 1] in steps of 1/64, and 1 for a face, 0 for background (200,)."""
    crops = np.asarray(lfw_subset(), np.float64)
    grey = np.round(crops * GREY_LEVELS) / GREY_LEVELS
    return grey.astype(np.float32), np.repeat(np.array([1, 0], np.int64), 100)
