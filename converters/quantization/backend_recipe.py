"""What there is in place of a recipe where a backend brings a quantiser of its own."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRecipe:
    """How a backend's own quantiser made its program.

    `quantizer` is its class, `calls` and `calibration_sha256` say which calibration it saw, `steps` has the scales of
    outputs that are integers inside, `budget` what quantisation may cost, as the user wrote it.
    """

    quantizer: str
    calls: int
    calibration_sha256: str
    steps: dict[str, float] = field(default_factory=dict[str, float])
    budget: str | None = None
