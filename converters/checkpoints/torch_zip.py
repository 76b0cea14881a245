"""Reads what torch.save has written since 1.6: a zip of one pickle and a member for each storage's bytes."""

from __future__ import annotations

from pathlib import Path

from .allowed import DTYPE_OF_STORAGE, is_allowed, plain_name
from .archives import CheckedZip
from .contents import WIDTHS, PickledCheckpoint
from .malformed import Malformed
from .pickle_machine import Name, Node, PickleReader, admit_all
from .unpickled import Storage, TreeBuilder

_LARGEST_PICKLE = 256 << 20


class TorchArchive:
    """A torch zip, whose members share one leading folder; `tensors` is where the storages of a pickle lie below it."""

    def __init__(self, archive: CheckedZip, *, tensors: str = "data") -> None:
        self._archive = archive
        self._tensors = tensors
        folders = {name.partition("/")[0] for name in archive.names()}
        if len(folders) != 1:
            raise Malformed(f"its members lie in {len(folders)} folders, and torch writes one")
        self.prefix = folders.pop() + "/"
        order = self.text("byteorder", default="little")
        if order != "little":
            raise Malformed(f"it was written on a machine whose byte order is {order!r}, and only little can be read")

    def has(self, name: str) -> bool:
        """Whether there is such a member below the leading folder."""
        return self.prefix + name in self._archive.members

    def text(self, name: str, *, default: str) -> str:
        """A short member as text."""
        if not self.has(name):
            return default
        return self._archive.read(self.prefix + name, limit=1000).decode("utf-8", "backslashreplace").strip()

    def read(self, name: str) -> bytes:
        """A member's content."""
        return self._archive.read(self.prefix + name, limit=_LARGEST_PICKLE)

    def writer(self) -> str:
        """What the archive says about its format."""
        version = self.text("version", default=self.text(".data/version", default="?"))
        return f"torch.save (zip, version {version})"

    def find(self, key: Node) -> Storage:
        """The storage of a persistent id ("storage", type, key, device, number of elements)."""
        match key:
            case ("storage", Name() as kind, str(number), str(device), int(count)):
                dtype = DTYPE_OF_STORAGE.get(plain_name(kind.text))
            case _:
                raise Malformed("a storage is described in an unknown way")
        if dtype is None:
            raise Malformed(f"a storage is of the unknown kind {kind.text[:80]}")
        if device == "meta":
            return Storage(dtype, None)
        place = self._archive.place(f"{self.prefix}{self._tensors}/{number}")
        if not 0 <= count * WIDTHS[dtype] <= place.bytes:
            raise Malformed(f"the storage {number[:40]} claims {count} elements and has {place.bytes} bytes")
        return Storage(dtype, place)


def read_torch_zip(path: Path, *, data: bytes | None = None, quantized: bool = False) -> PickledCheckpoint:
    """The checkpoint's values; raises SourceError for what is no file, Malformed, Refused.

    `data` is a checkpoint that was a member of the file: its tensors' places count from its own start.
    `quantized` is as for TreeBuilder.
    """
    with CheckedZip(path, data=data) as archive:
        torch_archive = TorchArchive(archive)
        machine = PickleReader(admit_all)
        root = machine.read(torch_archive.read("data.pkl"))
        return PickledCheckpoint(
            root=TreeBuilder(torch_archive, quantized=quantized).build(root),
            globals=tuple(machine.names),
            refused=tuple(name for name in machine.names if not is_allowed(name)),
            writer=torch_archive.writer(),
        )
