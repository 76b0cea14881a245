"""What a format's lowering gives back: the artifact's bytes and what happened on the way."""

from __future__ import annotations

from dataclasses import dataclass

from ..quantization.execution import Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowering:
    """The bytes of one artifact, the backend that will execute it, and notes for the user.

    `execution` says of a quantised artifact what it computes in integers.
    """

    payload: bytes
    backend: str
    notes: tuple[str, ...] = ()
    execution: Execution | None = None
