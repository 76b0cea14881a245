"""What a format's lowering gives back: the artifact's bytes and what happened on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..quantization.execution import Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowering:
    """The bytes of one artifact, the backend that will execute it, and notes for the user.

    `execution` says of a quantised artifact what it computes in integers, `spared` which layers do not measure their
    input in this format though the recipe says so, and why.
    """

    payload: bytes
    backend: str
    notes: tuple[str, ...] = ()
    execution: Execution | None = None
    spared: Mapping[str, str] = field(default_factory=dict[str, str])
