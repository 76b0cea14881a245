"""Opens zip archives under rules: members lie inside the file and their folder, once, and unpack to a bounded size.

What each rule answers: absolute names, `..` and links write or read outside of the folder; duplicate names and bytes
before the archive let two readers see two different files; overlapping or highly compressed members are bombs.
"""

from __future__ import annotations

import mmap
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Self

from .contents import TensorPlace
from .malformed import Malformed, Refused
from .opening import mapped_file

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    RuntimeError,  # zipfile's answer to an encrypted member, and NotImplementedError to an unknown compression
    OverflowError,
    struct.error,
)
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_LOCAL_SIGNATURE = b"PK\3\4"
_ENCRYPTED = 0x1 | 0x40
_MOST_MEMBERS = 200_000
_LARGEST_EXPANSION = 200
_EXPANSION_FLOOR = 256 << 20
LARGEST_TEXT = 64 << 20


class CheckedZip:
    """A zip archive whose members were checked; nothing is unpacked until it is asked for."""

    def __init__(self, path: Path, *, data: bytes | None = None) -> None:
        """Open and check; `data` is an archive inside of the file. Raises SourceError, Malformed, Refused."""
        self.path = path
        self._data = mapped_file(path) if data is None else data
        try:
            self._zip = zipfile.ZipFile(_Window(self._data))
        except DAMAGE as error:
            raise Malformed(f"the archive cannot be opened: {error}") from error
        self.members = _checked_members(self._zip, len(self._data))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def names(self) -> list[str]:
        """The names of all files in the archive, in its own order."""
        return list(self.members)

    def read(self, name: str, *, limit: int = LARGEST_TEXT) -> bytes:
        """The content of a member; raises Malformed when it is damaged, missing or larger than `limit`."""
        if name not in self.members:
            raise Malformed(f"its entry {_shown(name)} is missing")
        if self.members[name].file_size > limit:
            raise Malformed(f"its entry {_shown(name)} unpacks to more than {limit >> 20} MiB")
        try:
            with self._zip.open(self.members[name]) as stream:
                return stream.read(limit + 1)[:limit]
        except DAMAGE as error:
            raise Malformed(f"its entry {_shown(name)} cannot be read: {error}") from error

    def place(self, name: str) -> TensorPlace:
        """Where a member's bytes lie, uncompressed; raises Malformed when it is compressed or its header lies."""
        member = self.members.get(name)
        if member is None:
            raise Malformed(f"its entry {_shown(name)} is missing")
        start = _start_of_data(self._data, member)
        if member.compress_type != zipfile.ZIP_STORED:
            raise Malformed(f"its entry {_shown(name)} is compressed, and tensors must be stored as they are")
        return TensorPlace(str(self.path), start, member.file_size)

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a member that is stored as it is."""
        place = self.place(name)
        return self._data[place.offset : place.offset + min(size, place.bytes)]


class _Window:
    """A map as a file that zipfile can read: it never hands out more bytes than there are."""

    def __init__(self, data: mmap.mmap | bytes) -> None:
        self._data = data
        self._position: int = 0

    def read(self, size: int = -1) -> bytes:
        end = len(self._data) if size < 0 else self._position + size
        chunk = self._data[self._position : end]
        self._position += len(chunk)
        return chunk

    def seek(self, offset: int, whence: int = 0) -> int:
        start: dict[int, int] = {0: 0, 1: self._position, 2: len(self._data)}
        position = offset + start[whence]
        if position < 0:
            raise ValueError("the archive points before its start")
        self._position = position
        return position

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """The map closes itself."""


def _checked_members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > _MOST_MEMBERS:
        raise Malformed(f"the archive lists {len(infos):,} members")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        _check_name(info)
        if info.filename in found:
            raise Refused(f"holds two members of the name {_shown(info.filename)}")
        found[info.filename] = info
    _check_places(infos, archive.start_dir, size)
    _check_expansion(infos, size)
    return {name: info for name, info in found.items() if not info.is_dir()}


def _check_name(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or name[1:2] == ":" or ".." in parts or "\0" in name or not name:
        raise Refused(f"holds a member that would lie outside of its folder: {_shown(name)}")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise Refused(f"holds a link: {_shown(name)}")
    if info.flag_bits & _ENCRYPTED:
        raise Malformed(f"its entry {_shown(name)} is encrypted")


def _check_places(infos: list[zipfile.ZipInfo], end: int, size: int) -> None:
    """Members must follow each other between the start of the file and the central directory."""
    position = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if position == 0 and info.header_offset != 0:
            raise Refused("is an archive with other bytes before its first member")
        if info.header_offset < position:
            raise Refused(f"holds members that overlap ({_shown(info.filename)})")
        position = info.header_offset + _LOCAL_HEADER.size + info.compress_size
        if position > min(end, size):
            raise Malformed(f"its entry {_shown(info.filename)} claims {info.compress_size} bytes, more than there are")


def _check_expansion(infos: list[zipfile.ZipInfo], size: int) -> None:
    total = sum(info.file_size for info in infos)
    if total > max(size * _LARGEST_EXPANSION, _EXPANSION_FLOOR):
        raise Refused(f"unpacks from {size:,} to {total:,} bytes, which only a bomb does")
    for info in infos:
        if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
            raise Malformed(f"its entry {_shown(info.filename)} has two sizes")


def _start_of_data(data: mmap.mmap | bytes, info: zipfile.ZipInfo) -> int:
    """Behind the member's own header, which must say what the central directory says."""
    header = data[info.header_offset : info.header_offset + _LOCAL_HEADER.size]
    if len(header) < _LOCAL_HEADER.size:
        raise Malformed("a member's header is cut off")
    signature, _, _, method, *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    start: int = info.header_offset + _LOCAL_HEADER.size
    name = data[start : start + name_length]
    if signature != _LOCAL_SIGNATURE or name != _raw_name(info) or method != info.compress_type:
        raise Malformed(f"its entry {_shown(info.filename)} has a header that contradicts the directory")
    start += name_length + extra_length
    if start + info.compress_size > len(data):
        raise Malformed(f"its entry {_shown(info.filename)} reaches beyond the end of the file")
    return start


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437", "replace")


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:80]}...")
