"""Reads a torch checkpoint of any age without unpickling it."""

from __future__ import annotations

from pathlib import Path

from .contents import PickledCheckpoint
from .malformed import Malformed
from .opening import damage_named, mapped
from .torch_legacy import read_torch_legacy
from .torch_tar import read_torch_tar
from .torch_zip import read_torch_zip


def read_torch_checkpoint(path: Path) -> PickledCheckpoint:
    """The values in a file of torch.save, tensors as places in it; nothing in it runs.

    Raises SourceError for a file that is damaged or no checkpoint, UnsafeInput for an archive that leaves its folder.
    Names that are not allowed are no error here: `refused` lists them, and their objects are Opaque.
    """
    head = mapped(path)[:512].tobytes()
    with damage_named(path, "torch checkpoint"):
        if head.startswith(b"PK"):
            return read_torch_zip(path)
        if is_tar(head):
            return read_torch_tar(path)
        if head.startswith(b"\x80"):
            return read_torch_legacy(path)
        raise Malformed(f"it starts with {head[:8].hex(' ')}")


def is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes are a tar's header: a name, and a checksum over the rest that fits."""
    if len(head) < 512 or head[0] == 0:
        return False
    stored = head[148:156].strip(b"\0 ")
    if not stored.isdigit() or any(digit not in b"01234567" for digit in stored):
        return False
    return int(stored, 8) == sum(head[:148]) + 8 * 0x20 + sum(head[156:512])
