"""A policy for made-up outputs: their noise floor is one rounding up."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import numpy as np

from edgeproof.validators.noise_floor import Group, measure_floor
from edgeproof.validators.tolerance import FloorPolicy

Array = np.ndarray[Any, np.dtype[Any]]
Calls = list[dict[str, Array]]


def noisy(calls: Calls) -> Calls:
    """As a correct conversion would give them: off by a rounding or two."""
    return [
        {
            name: np.nextafter(array, array.dtype.type(np.inf)) if array.dtype.kind == "f" else array
            for name, array in call.items()
        }
        for call in calls
    ]


def policy_for(reference: Calls) -> FloorPolicy:
    """The policy for a source with these outputs."""
    return FloorPolicy(floor=measure_floor(reference, None, [noisy(reference)], repeat(Group.REAL)))
