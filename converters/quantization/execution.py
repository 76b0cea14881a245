"""Proof of what an artifact computes in: its heavy operators, each in integers or in float."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kernel(StrEnum):
    """What a heavy operator is computed with."""

    INTEGER = "integer"
    FLOAT = "float"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeavyOperator:
    """One convolution or matrix product of an artifact, as its file (or its runtime) has it.

    `macs` are its multiply-accumulates on the example input; `reason` says why it runs in float, where that is known.
    """

    name: str
    operator: str
    macs: int
    kernel: Kernel
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """All heavy operators of an artifact; `partitions` counts the delegate's pieces where there is a delegate."""

    operators: tuple[HeavyOperator, ...]
    partitions: int | None = None

    @property
    def macs(self) -> int:
        """All multiply-accumulates."""
        return sum(operator.macs for operator in self.operators)

    @property
    def integer_macs(self) -> int:
        """Those that run in integer kernels."""
        return sum(operator.macs for operator in self.operators if operator.kernel is Kernel.INTEGER)
