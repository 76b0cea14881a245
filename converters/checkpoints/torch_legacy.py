"""Reads what torch.save wrote until 1.5: four pickles, the keys of the storages, and their bytes, one after another."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from .allowed import DTYPE_OF_STORAGE, is_allowed, plain_name
from .contents import WIDTHS, PickledCheckpoint, TensorPlace
from .malformed import Malformed
from .opening import mapped_file
from .pickle_machine import Name, Node, PickleReader, admit_all, admit_none
from .unpickled import Storage, TreeBuilder

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_MAGIC_BYTES = MAGIC_NUMBER.to_bytes(10, "little")
_PROTOCOL = 1001
_COUNT = struct.Struct("<q")


def starts_as_torch(head: bytes) -> bool:
    """Whether the first bytes are a pickle of the magic number, whatever the pickle's protocol."""
    return head.startswith(b"\x80") and _MAGIC_BYTES in head[:32]


class LegacyStorages:
    """The storages behind the pickles; which there are is known when the pickle was read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, TensorPlace] = {}

    def locate(self, data: mmap.mmap, keys: Node, machine: PickleReader) -> None:
        """Walk over the storages in the file's order: each is its number of elements and its bytes."""
        if not isinstance(keys, list):
            raise Malformed("the list of its storages is none")
        dtypes = {key: dtype for key, dtype, _, _, _ in map(_reference, _storage_ids(machine))}
        for key in keys:
            if not isinstance(key, str) or key not in dtypes or key in self._places:
                raise Malformed("the list of its storages contradicts its pickle")
            width = WIDTHS[dtypes[key]]
            start = data.tell() + _COUNT.size
            (count,) = _COUNT.unpack(_exactly(data, _COUNT.size))
            if not 0 <= count <= (len(data) - start) // width:
                raise Malformed(f"the storage {key[:40]} claims {count} elements, and {len(data) - start} bytes follow")
            self._places[key] = TensorPlace(str(self._path), start, count * width)
            data.seek(start + count * width)

    def find(self, key: Node) -> Storage | Node:
        """The storage of a persistent id; a module stored with its source is the module."""
        match key:
            case ("module", node, *_):
                return node
            case _:
                pass
        name, dtype, device, count, view = _reference(key)
        place = self._places.get(name)
        if device == "meta":
            return Storage(dtype, None)
        if place is None or not 0 <= count * WIDTHS[dtype] <= place.bytes:
            raise Malformed(f"the storage {name[:40]} is missing or too small")
        return Storage(dtype, place, view)


def read_torch_legacy(path: Path) -> PickledCheckpoint:
    """The checkpoint's values; raises SourceError for what is no file, Malformed, Refused."""
    data = mapped_file(path)
    _check_heading(data)
    machine = PickleReader(admit_all)
    root = machine.read(data)
    storages = LegacyStorages(path)
    storages.locate(data, PickleReader(admit_none).read(data), machine)
    return PickledCheckpoint(
        root=TreeBuilder(storages).build(root),
        globals=tuple(machine.names),
        refused=tuple(name for name in machine.names if not is_allowed(name)),
        writer=f"torch.save (legacy, protocol {_PROTOCOL})",
    )


def _check_heading(data: mmap.mmap) -> None:
    """A magic number, the protocol's version and a description of the machine, each a pickle."""
    magic = PickleReader(admit_none).read(data)
    protocol = PickleReader(admit_none).read(data)
    if magic != MAGIC_NUMBER or protocol != _PROTOCOL:
        raise Malformed("it does not start as torch.save starts a file")
    machine = PickleReader(admit_none).read(data)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise Malformed("it was written on a machine whose byte order is big, and only little can be read")


def _storage_ids(machine: PickleReader) -> list[Node]:
    ids = [call.arguments for call in machine.persistent]
    return [key for key in ids if not (isinstance(key, tuple) and key and key[0] == "module")]


def _reference(key: Node) -> tuple[str, str, str, int, int]:
    """Key, dtype, device, number of elements and first element; a view is (key, first element, number) of another."""
    match key:
        case ("storage", Name() as kind, (str() | int()) as name, str(device), int(count), None):
            view = 0
        case ("storage", Name() as kind, (str() | int()) as name, str(device), int(count), (_, int(view), int())):
            pass
        case _:
            raise Malformed("a storage is described in an unknown way")
    dtype = DTYPE_OF_STORAGE.get(plain_name(kind.text))
    if dtype is None:
        raise Malformed(f"a storage is of the unknown kind {kind.text[:80]}")
    return str(name), dtype, device, count, view


def _exactly(data: mmap.mmap, size: int) -> bytes:
    chunk = data.read(size)
    if len(chunk) != size:
        raise Malformed("it ends in the middle of a storage")
    return chunk
