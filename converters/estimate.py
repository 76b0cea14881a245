"""What Arm's compiler Vela expects of a program: figures of a model of the processor, which nobody measured."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MILLISECONDS = 1000.0
_KIBIBYTE = 1024
# Vela writes one line for a whole network, and a memory that the system does not have is 0.
_SECONDS, _CYCLES, _SRAM = "inference_time", "cycles_total", "sram_memory_used"
_FLASH = ("off_chip_flash_memory_used", "on_chip_flash_memory_used", "dram_memory_used")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What Vela expects of one call, all parts that it compiled taken together.

    `sram_bytes` is the largest working memory of any part, `flash_bytes` (dynamic memory where the system has no flash)
    the sum; operators are counted as Vela counts them after its own rewriting. `accelerator`, `system` and `memory` are
    the choices that the figures stand on.
    """

    by: str
    accelerator: str
    system: str
    memory: str
    cycles: int
    milliseconds: float
    sram_bytes: int
    flash_bytes: int
    operators_on_npu: int
    operators_on_cpu: int

    @property
    def text(self) -> str:
        """One line for people."""
        operators = f"{self.operators_on_npu} operators on the NPU, {self.operators_on_cpu} on the CPU"
        memory = f"{self.sram_bytes / _KIBIBYTE:.1f} KiB SRAM, {self.flash_bytes / _KIBIBYTE:.1f} KiB flash"
        return (
            f"estimate by {self.by}, not a measurement: {self.cycles} cycles, {self.milliseconds:.3g} ms, {memory}, "
            f"{operators} ({self.system}, {self.memory})"
        )


def parse_summary(text: str, *, by: str, operators: tuple[int, int]) -> Estimate:
    """The estimate in Vela's summary (CSV, one network); `operators` are those on the NPU and on the CPU.

    Raises ValueError for another file.
    """
    rows = list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
    if not rows:
        raise ValueError("Vela's summary has no line")
    row = {name.strip(): value for name, value in rows[-1].items() if name}
    try:
        return Estimate(
            by=by,
            accelerator=row["accelerator_configuration"],
            system=row["system_config"],
            memory=row["memory_mode"],
            cycles=round(float(row[_CYCLES])),
            milliseconds=float(row[_SECONDS]) * _MILLISECONDS,
            sram_bytes=_bytes(row[_SRAM]),
            flash_bytes=sum(_bytes(row.get(name)) for name in _FLASH),
            operators_on_npu=operators[0],
            operators_on_cpu=operators[1],
        )
    except KeyError as error:
        raise ValueError(f"Vela's summary has no column {error}") from error


def _bytes(kibibytes: str | None) -> int:
    return round(float(kibibytes or 0) * _KIBIBYTE)


def together(parts: Sequence[Estimate], *, operators_on_cpu: int) -> Estimate | None:
    """One estimate for a program of several parts, which run one after another; None without any."""
    if not parts:
        return None
    first = parts[0]
    return Estimate(
        by=first.by,
        accelerator=first.accelerator,
        system=first.system,
        memory=first.memory,
        cycles=_sum(part.cycles for part in parts),
        milliseconds=sum(part.milliseconds for part in parts),
        sram_bytes=max(part.sram_bytes for part in parts),
        flash_bytes=_sum(part.flash_bytes for part in parts),
        operators_on_npu=_sum(part.operators_on_npu for part in parts),
        operators_on_cpu=operators_on_cpu,
    )


def _sum(numbers: Iterable[int]) -> int:
    return sum(numbers)
