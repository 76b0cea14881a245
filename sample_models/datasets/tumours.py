"""Scikit-learn's breast cancer table: measurements of cell nuclei and what the tumour was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer

STEPS_PER_DEVIATION = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tumours:
    """569 tumours, a row each.

    `means` and `errors` (569, 10) are the mean and the standard error of ten measurements, in the table's
    units; `malignant` (569,) is 1 or 0; `worst_radius` (569,) is the radius of the largest nuclei.
    """

    means: NDArray[np.float64]
    errors: NDArray[np.float64]
    malignant: NDArray[np.int64]
    worst_radius: NDArray[np.float32]


def read_table() -> Tumours:
    """The table as scikit-learn ships it (its target 0 means malignant)."""
    bunch = load_breast_cancer()
    return Tumours(
        means=bunch.data[:, 0:10],
        errors=bunch.data[:, 10:20],
        malignant=(bunch.target == 0).astype(np.int64),
        worst_radius=bunch.data[:, 20].astype(np.float32),
    )


def standardised(columns: NDArray[np.float64], training: NDArray[np.int64]) -> NDArray[np.float32]:
    """Columns (n, k) less the mean of the training rows, in their standard deviations, in steps of 1/64."""
    centre = columns[training].mean(axis=0)
    spread = columns[training].std(axis=0)
    scaled = (columns - centre) / spread
    return (np.round(scaled * STEPS_PER_DEVIATION) / STEPS_PER_DEVIATION).astype(np.float32)
