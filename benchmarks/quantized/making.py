"""What a contender is given to make its artifact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`name` of a subject, the shape of each input, files; `float_file` is the float artifact of the same format."""

    name: str
    shapes: dict[str, list[int]]
    calibration: str
    float_file: str
    path: str

    def as_json(self) -> dict[str, Any]:
        """What a child is given."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        return cls(**values)
