"""The processors that targets have, as Debian, Python's wheels and the loader call them."""

from __future__ import annotations

import platform
from dataclasses import dataclass

# pip takes a wheel for exactly the platforms that it is told: it does not derive the older ones.
_MANYLINUX = ("2_34", "2_28", "2_27", "2_26", "2_24", "2_17", "2014")


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One processor architecture under Linux: `machine` is what `uname -m` says, `loader` the dynamic loader's path."""

    machine: str
    debian: str
    loader: str

    @property
    def libraries(self) -> tuple[str, ...]:
        """The folders of a root where its libraries lie."""
        name = f"{self.machine}-linux-gnu"
        return (f"lib/{name}", f"usr/lib/{name}")

    @property
    def wheel_platforms(self) -> tuple[str, ...]:
        """The platform tags of wheels that run there."""
        return tuple(f"manylinux{'' if tag == '2014' else '_'}{tag}_{self.machine}" for tag in _MANYLINUX)


ARM64 = Architecture(machine="aarch64", debian="arm64", loader="lib/ld-linux-aarch64.so.1")
# Not lib64/ld-linux-x86-64.so.2, which in a root is a link to the loader of the machine itself.
X86_64 = Architecture(machine="x86_64", debian="amd64", loader="lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
ARCHITECTURES = {"arm64": ARM64, "x86-64": X86_64}
_MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}


def machine_of(text: str) -> str:
    """One name for what systems call the same machine."""
    return _MACHINES.get(text.strip().lower(), text.strip().lower())


def this_machine() -> str:
    """The machine that this process runs on."""
    return machine_of(platform.machine())
