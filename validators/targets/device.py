"""Where guests run: something that takes files, runs a command and gives files back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .architecture import Architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a command on a device ended; `code` is negative for a signal, as in subprocess."""

    code: int
    output: bytes
    errors: str


class Device(Protocol):
    """What a target is to a guest; a path on the device is a string."""

    @property
    def architecture(self) -> Architecture:
        """Its processors."""
        ...

    @property
    def prefix(self) -> tuple[str, ...]:
        """What stands before a program, such as an emulator; empty where the root's loader is called itself."""
        ...

    def keep(self, folder: Path, key: str) -> str:
        """A folder of this machine on the device, where it stays: it is copied only if `key` is not there yet."""
        ...

    def put(self, file: Path) -> str:
        """A file of this machine on the device, until `clean`."""
        ...

    def new(self, name: str) -> str:
        """A place on the device for a file that a guest writes, until `clean`."""
        ...

    def execute(self, command: Sequence[str], environment: Mapping[str, str]) -> Completed:
        """Run a command to its end, with this environment and nothing else."""
        ...

    def get(self, path: str, file: Path) -> None:
        """Bring a file from the device."""
        ...

    def clean(self) -> None:
        """Remove what `put` and `new` left on the device."""
        ...


class Here:
    """This machine as a device: nothing is copied, and an emulator may stand before commands."""

    def __init__(self, architecture: Architecture, scratch: Path, *, prefix: tuple[str, ...] = ()) -> None:
        self.architecture = architecture
        self.prefix = prefix
        self._scratch = scratch

    def keep(self, folder: Path, key: str) -> str:
        """The folder itself."""
        del key
        return str(folder)

    def put(self, file: Path) -> str:
        """The file itself."""
        return str(file)

    def new(self, name: str) -> str:
        """A file in the scratch folder."""
        return str(self._scratch / name)

    def execute(self, command: Sequence[str], environment: Mapping[str, str]) -> Completed:
        """Run it as a child of this process."""
        done = subprocess.run(
            command, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        return Completed(code=done.returncode, output=done.stdout, errors=done.stderr.decode(errors="replace"))

    def get(self, path: str, file: Path) -> None:
        """Rename it."""
        os.replace(path, file)  # noqa: PTH105 (both may lie on different paths of one file system)

    def clean(self) -> None:
        """Nothing was copied."""
