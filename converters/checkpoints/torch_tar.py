"""Reads what torch.save wrote until 0.1.10: a tar of the storages, the tensors over them, and a pickle over both."""

from __future__ import annotations

import mmap
import struct
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from .allowed import DTYPE_OF_STORAGE, is_allowed, plain_name
from .contents import WIDTHS, PickledCheckpoint, StoredTensor, TensorPlace, checked
from .malformed import Malformed, Refused
from .opening import mapped_file
from .pickle_machine import Name, Node, PickleReader, admit_all, admit_none
from .unpickled import Storage, TreeBuilder

_MEMBERS = ("storages", "tensors", "pickle")
_MOST_MEMBERS = 100
_MOST_DIMENSIONS = 64
_DAMAGE = (tarfile.TarError, EOFError, ValueError, OverflowError, OSError, IndexError, KeyError, struct.error)


@dataclass(frozen=True, slots=True)
class TarStorages:
    """Storages and tensors by their keys, which are addresses in the process that wrote them."""

    storages: dict[int, Storage] = field(default_factory=dict[int, Storage])
    tensors: dict[int, StoredTensor] = field(default_factory=dict[int, StoredTensor])

    def find(self, key: Node) -> Storage | StoredTensor | Node:
        """What a persistent id stands for: a tensor or storage by number, or a container with its source."""
        if isinstance(key, tuple):
            return key[0] if key else None
        number = int(key) if isinstance(key, int) or (isinstance(key, str) and key[:20].isdecimal()) else -1
        if number in self.tensors:
            return self.tensors[number]
        if number in self.storages:
            return self.storages[number]
        raise Malformed("its pickle refers to a tensor that is missing")


def read_torch_tar(path: Path) -> PickledCheckpoint:
    """The checkpoint's values; raises SourceError for what is no file, Malformed, Refused."""
    data = mapped_file(path)
    members = _members(data)
    found = TarStorages()
    machine = PickleReader(admit_all)
    _read_storages(data, members["storages"], found, str(path))
    _read_tensors(data, members["tensors"], found)
    data.seek(members["pickle"].start)
    root = machine.read(data)
    return PickledCheckpoint(
        root=TreeBuilder(found).build(root),
        globals=tuple(machine.names),
        refused=tuple(name for name in machine.names if not is_allowed(name)),
        writer="torch.save (tar, torch 0.1)",
    )


def _members(data: mmap.mmap) -> dict[str, range]:
    """Where the three members lie; links and whatever else is not a plain file are refused."""
    found: dict[str, range] = {}
    try:
        with tarfile.open(fileobj=data, mode="r:") as archive:
            for number, member in enumerate(archive):
                _check_member(member, found, number)
                found[member.name.removeprefix("./")] = range(member.offset_data, member.offset_data + member.size)
    except _DAMAGE as error:
        raise Malformed(f"the archive cannot be read: {error}") from error
    missing = [name for name in _MEMBERS if name not in found or found[name].stop > len(data)]
    if missing:
        raise Malformed(f"its member {missing[0]} is missing or cut off")
    return found


def _check_member(member: tarfile.TarInfo, found: dict[str, range], number: int) -> None:
    name = member.name.removeprefix("./")
    if number > _MOST_MEMBERS:
        raise Malformed("it lists more members than torch ever wrote")
    if name.startswith("/") or ".." in name.split("/"):
        raise Refused(f"holds a member that would lie outside of its folder: {name[:80]!r}")
    if member.issym() or member.islnk():
        raise Refused(f"holds a link: {name[:80]!r}")
    if name in found:
        raise Refused(f"holds two members of the name {name[:80]!r}")
    if not member.isdir() and (not member.isreg() or member.issparse() or member.size < 0):
        raise Malformed(f"its member {name[:80]!r} is no plain file")


def _read_storages(data: mmap.mmap, member: range, found: TarStorages, file: str) -> None:
    """How many there are, then for each (key, device, type), its number of elements and bytes; then their views."""
    data.seek(member.start)
    for _ in range(_counted(data)):
        match PickleReader(admit_all).read(data):
            case (int(key), str(), Name() as kind):
                dtype = DTYPE_OF_STORAGE.get(plain_name(kind.text))
            case _:
                raise Malformed("a storage is described in an unknown way")
        if dtype is None or dtype == "untyped":
            raise Malformed(f"a storage is of the unknown kind {kind.text[:80]}")
        (count,) = struct.unpack("<q", _exactly(data, 8, member))
        place = TensorPlace(file, data.tell(), count * WIDTHS[dtype])
        if count < 0 or place.offset + place.bytes > member.stop:
            raise Malformed(f"a storage claims {count} elements, more than the file has")
        data.seek(place.offset + place.bytes)
        found.storages[key] = Storage(dtype, place)
    _read_views(PickleReader(admit_none).read(data), found)


def _read_views(views: Node, found: TarStorages) -> None:
    if not isinstance(views, list):
        raise Malformed("the list of its views is none")
    for view in views:
        match view:
            case (int(key), int(root), int(offset), int()) if root in found.storages and offset >= 0:
                whole = found.storages[root]
                found.storages[key] = Storage(whole.dtype, whole.place, whole.offset + offset)
            case _:
                raise Malformed("a view of a storage is described in an unknown way")


def _read_tensors(data: mmap.mmap, member: range, found: TarStorages) -> None:
    """How many there are, then for each (key, storage, type), its dimensions, shape, strides and offset."""
    data.seek(member.start)
    for _ in range(_counted(data)):
        match PickleReader(admit_all).read(data):
            case (int(key), int(root), Name()) if root in found.storages:
                storage = found.storages[root]
            case _:
                raise Malformed("a tensor is described in an unknown way")
        dimensions, _ = struct.unpack("<ii", _exactly(data, 8, member))
        if not 0 <= dimensions <= _MOST_DIMENSIONS or storage.place is None:
            raise Malformed(f"a tensor claims {dimensions} dimensions")
        layout = struct.Struct(f"<{2 * dimensions + 1}q")
        *sizes, offset = layout.unpack(_exactly(data, layout.size, member))
        shape, strides = tuple(sizes[:dimensions]), tuple(sizes[dimensions:])
        found.tensors[key] = checked(
            StoredTensor(storage.dtype, shape, strides, storage.offset + offset, storage.place)
        )


def _counted(data: mmap.mmap) -> int:
    count = PickleReader(admit_none).read(data)
    if not isinstance(count, int) or not 0 <= count <= len(data):
        raise Malformed("it does not say how many tensors it has")
    return count


def _exactly(data: mmap.mmap, size: int, member: range) -> bytes:
    chunk = data.read(size)
    if len(chunk) != size or data.tell() > member.stop:
        raise Malformed("it ends in the middle of a tensor")
    return chunk
