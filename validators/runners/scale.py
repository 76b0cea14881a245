"""What the integers of an input or output stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .protocol import Array


@dataclass(frozen=True, slots=True)
class Scale:
    """real = (integer - zero_point) * step."""

    step: float
    zero_point: int
    dtype: np.dtype[Any]

    def rounded(self, values: Array) -> Array:
        """The integers nearest to real numbers."""
        bounds = np.iinfo(self.dtype)
        return np.clip(np.round(values / self.step) + self.zero_point, bounds.min, bounds.max).astype(self.dtype)

    def real(self, integers: Array) -> Array:
        """What integers stand for, in float32."""
        return ((integers.astype(np.float32) - self.zero_point) * np.float32(self.step)).astype(np.float32)
