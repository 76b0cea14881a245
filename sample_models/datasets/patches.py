"""Images of digits as tokens: one for each patch, from a vocabulary of 256."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHADES = 4
GRID = 6


def ink_tokens(images: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Tokens (n, 36) of images (n, 28, 28) in [0, 1], in reading order, and which of them hold any ink (n, 36).

    The middle 24x24 pixels are 6x6 patches; a token holds the shades, 0 to 3, of a patch's four quarters, as
    the digits of a number to the base 4. A blank patch is token 0.
    """
    middle = images[:, 2:26, 2:26].reshape(-1, 2 * GRID, 2, 2 * GRID, 2).mean(axis=(2, 4))
    shades = np.minimum((middle * SHADES).astype(np.int64), SHADES - 1)
    quarters = shades.reshape(-1, GRID, 2, GRID, 2).transpose(0, 1, 3, 2, 4).reshape(-1, GRID * GRID, 4)
    tokens: NDArray[np.int64] = quarters @ np.array([64, 16, 4, 1], np.int64)
    return tokens, tokens > 0
