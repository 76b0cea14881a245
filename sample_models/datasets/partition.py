"""Which rows of a data set a model learns from, is calibrated with and is judged on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CALIBRATION_ROWS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Row numbers without overlap: the model never learns from `evaluation`, nor from `calibration`."""

    training: NDArray[np.int64]
    calibration: NDArray[np.int64]
    evaluation: NDArray[np.int64]


def partition(count: int, *, evaluation: int, seed: int) -> Partition:
    """Split `count` rows at random: `evaluation` to be judged on, 64 for calibration, the rest to learn from."""
    order = np.random.default_rng(seed).permutation(count)
    calibration_end = evaluation + CALIBRATION_ROWS
    return Partition(
        evaluation=order[:evaluation],
        calibration=order[evaluation:calibration_end],
        training=order[calibration_end:],
    )


def write_rows(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write named arrays that share their leading axis as one compressed .npz.

    Raises ValueError when the arrays do not have the same number of rows.
    """
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"{path.name}: every array needs the same number of rows, got {counts}")
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
