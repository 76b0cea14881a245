"""Which processor computed: verdicts have been seen to change with it, so reports carry it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# The features by which runtimes choose their kernels, under the names that Linux gives them.
_THAT_CHOOSE_KERNELS = (
    *("sse4_1", "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx_vnni_int8", "avx512f", "avx512bw", "avx512vl"),
    *("avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "svei8mm", "svebf16", "sme", "sme2"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """Whose arithmetic it was: machine ("x86_64"), model name, and the features that choose kernels."""

    machine: str
    name: str
    features: tuple[str, ...] = ()


@cache
def this_processor() -> Processor:
    """The processor of this machine; features are empty where the system does not list them."""
    text = _CPUINFO.read_text(encoding="utf-8", errors="replace") if _CPUINFO.exists() else ""
    return processor_from(text, machine=platform.machine(), fallback=platform.processor())


def processor_from(cpuinfo: str, *, machine: str, fallback: str = "") -> Processor:
    """The processor that the text of /proc/cpuinfo describes; `fallback` names it if the text does not."""
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), value.strip())
    listed = set(fields.get("flags", fields.get("features", "")).split())
    return Processor(
        machine=machine,
        name=fields.get("model name") or _arm_name(fields) or fallback or machine,
        features=tuple(name for name in _THAT_CHOOSE_KERNELS if name in listed),
    )


def _arm_name(fields: dict[str, str]) -> str:
    """Arm's Linux gives numbers: implementer and part."""
    part = fields.get("cpu part")
    return f"implementer {fields.get('cpu implementer', '?')} part {part}" if part else ""
