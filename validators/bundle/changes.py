"""One change between two bundles, and what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What a change is about; the texts are stable."""

    ARTIFACT = "artifact"
    SIGNATURE = "signature"
    PREPROCESSING = "preprocessing"
    LABELS = "labels"
    QUANTISATION = "quantisation"
    OPERATORS = "operators"
    RUNTIME = "runtime"
    PARITY = "parity"
    SIZE = "size"
    LATENCY = "latency"
    WEIGHTS = "weights"
    LICENCE = "licence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is other than before: where (an artifact's file, or empty), from what to what, and what it means.

    `breaking` says that an app that works with the old bundle may not work, or may compute something else, with the
    new one unless its code or its build is changed.
    """

    topic: Topic
    breaking: bool
    what: str
    artifact: str = ""
    old: str = ""
    new: str = ""
