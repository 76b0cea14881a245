"""The micro-edge backends by name, and with which choices Arm's compiler Vela makes programs for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .artifact import Format


class Family(StrEnum):
    """A neural processor beside a microcontroller, or the microcontroller itself."""

    ETHOS_U = "Ethos-U"
    CORTEX_M = "Cortex-M"


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBackend:
    """One processor; of an Ethos-U the system and the memories that Vela's own configuration file describes.

    These two say which clock and which memories the estimate stands on; they change the program too.
    """

    name: str
    family: Family
    system_config: str = ""
    memory_mode: str = ""

    @property
    def formats(self) -> tuple[Format, ...]:
        """The formats that are made for it."""
        return (Format.EXECUTORCH, Format.LITERT) if self.family is Family.ETHOS_U else (Format.EXECUTORCH,)


# The number in a name is that of the multiply-accumulates in a cycle. The choices are those that ExecuTorch makes when
# nobody says otherwise, and for both formats the same; all stand in ethosu/config_files/Arm/vela.ini of Vela 5.1.
_ETHOS_U = (
    ("ethos-u55", (32, 64, 128, 256), "Ethos_U55_High_End_Embedded", "Shared_Sram"),
    ("ethos-u65", (256, 512), "Ethos_U65_High_End", "Dedicated_Sram_384KB"),
    ("ethos-u85", (128, 256, 512, 1024, 2048), "Ethos_U85_SYS_DRAM_Mid", "Sram_Only"),
)
_CORTEX_M = ("m0", "m0plus", "m3", "m4", "m7", "m23", "m33", "m35p", "m55", "m85")

MICRO_BACKENDS = {
    backend.name: backend
    for backend in (
        *(
            MicroBackend(name=f"{core}-{macs}", family=Family.ETHOS_U, system_config=system, memory_mode=memory)
            for core, sizes, system, memory in _ETHOS_U
            for macs in sizes
        ),
        *(MicroBackend(name=f"cortex-{core}", family=Family.CORTEX_M) for core in _CORTEX_M),
    )
}


def micro_backend(name: str | None) -> MicroBackend | None:
    """The micro-edge backend of that name; None for others."""
    return MICRO_BACKENDS.get(name or "")


def names_for(format_name: str) -> tuple[str, ...]:
    """The micro-edge backends that a format is made for."""
    return tuple(name for name, backend in MICRO_BACKENDS.items() if format_name in backend.formats)


def how_judged(backend: str | None, format_name: str) -> tuple[str, ...]:
    """What computed in place of the processor, as notes on a row; none for backends that run where they are judged."""
    known = micro_backend(backend)
    if known is None:
        return ()
    if known.family is Family.CORTEX_M:
        by = "ExecuTorch's reference operators for Cortex-M, in Python on this machine"
        return (f"judged through {by}: the CMSIS-NN kernels of a {known.name} were not executed",)
    by = (
        "tflite-micro, which ran the file that Vela was given"
        if format_name == Format.LITERT
        else "the TOSA reference model, which ran what Vela was given, with operators outside of the NPU in PyTorch"
    )
    return (f"judged through {by}: no simulator of an Ethos-U is to be had; Vela's own compilation was not executed",)
