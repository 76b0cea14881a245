"""One contender's figures for one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`failure` says why there are no figures; `size_of_float` and `latency_of_float` are ratios, below 1 is better.

    `note` is what edgeproof says of its own artifact, `measured_layers` ("5 of 5") how many layers of a static artifact
    take their scales from each call, as a dynamic one does. `constant` is as in scores.py, `integers` the share of
    the multiply-accumulates in integer kernels (of the operators, in TorchScript).
    """

    model: str
    format: str
    mode: str
    tool: str
    failure: str = ""
    note: str = ""
    measured_layers: str = ""
    sqnr_db: float | None = None
    agreement: float | None = None
    constant: float | None = None
    cosine: float | None = None
    task: float | None = None
    bytes: int | None = None
    size_of_float: float | None = None
    milliseconds: float | None = None
    latency_of_float: float | None = None
    integers: float | None = None
    seconds_to_make: float | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from all others."""
        return (self.model, self.format, self.mode, self.tool)

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        return cls(**values)
