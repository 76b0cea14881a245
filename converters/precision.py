"""The numeric precisions an artifact can have, named the same in every format."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """How an artifact computes."""

    FP32 = "fp32"
