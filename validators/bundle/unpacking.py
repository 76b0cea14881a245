"""Opens a bundle that may come from anybody: nothing is written before every name and size is known to be harmless."""

from __future__ import annotations

import struct
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ...converters.errors import InputError, UnsafeInput
from ...converters.writing import explained_write_errors
from .packing import COMMENT, DIGEST_LENGTH, SUMS, sealed_sha256, sums_text

_AGAIN = "get the bundle again from who made it, and compare its SHA-256 with theirs"
_MOST_MEMBERS = 10_000
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_KIND, _PLAIN = 0o170000, 0o100000
_CHUNK = 1 << 20
_SHOWN = 3
_ARCHIVE = b"PK\x03\x04"
# What the standard library raises for an archive whose bytes are anything.
_UNREADABLE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, struct.error, EOFError, OSError)


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of a bundle into an empty folder, and hold them against its checksums.

    Raises InputError for what is no bundle, UnsafeInput for a byte that is not the one that was packed, a name that
    leaves the folder, a link, a duplicate, a compressed member, and a file that is missing or was added.
    """
    _require_sealed(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _require_harmless(archive, members)
            _require_contiguous(archive, members, opened.start_dir)
            for member in members:
                _extract(opened, member, folder / PurePosixPath(member.filename))
    except _UNREADABLE as error:
        raise UnsafeInput(f"{archive} is no sound archive: {error}", fix=_AGAIN) from error
    _require_sums(archive, folder)


def _require_sealed(archive: Path) -> None:
    """Raise unless the archive ends with the SHA-256 of all else that is in it."""
    if not archive.is_file():
        raise InputError(f"{archive} does not exist", fix="name a file that `edgeproof bundle` wrote")
    size = archive.stat().st_size
    with _opened(archive) as stream:
        start = stream.read(len(_ARCHIVE))
        stream.seek(max(size - DIGEST_LENGTH - len(COMMENT), 0))
        comment, seal = stream.read(len(COMMENT)), stream.read()
    if comment == COMMENT and seal == sealed_sha256(archive).encode():
        return
    if comment == COMMENT:
        raise UnsafeInput(f"{archive} is not the bundle that was packed: {_damage(archive)}", fix=_AGAIN)
    if start == _ARCHIVE or COMMENT in comment + seal:
        raise UnsafeInput(f"{archive} is cut off, damaged at its end, or no bundle", fix=_AGAIN)
    raise InputError(f"{archive} is no bundle", fix="name a file that `edgeproof bundle` wrote")


def _opened(archive: Path) -> BinaryIO:
    try:
        return archive.open("rb")
    except OSError as error:
        raise InputError(f"{archive} cannot be read: {error.strerror}", fix="check its permissions") from error


def _damage(archive: Path) -> str:
    """Which files of a damaged archive are not what they were, as far as it can still be read."""
    try:
        with zipfile.ZipFile(archive) as opened:
            changed = [ascii(name) for name in opened.namelist() if not _is_whole(opened, name)]
    except _UNREADABLE as error:
        return f"its list of files is damaged ({error})"
    if not changed:
        return "bytes between its files differ"
    return f"{', '.join(changed[:_SHOWN])}{' and others' if len(changed) > _SHOWN else ''} differ from what was packed"


def _is_whole(opened: zipfile.ZipFile, name: str) -> bool:
    """Whether a stored file's checksum holds; a compressed one is not even tried."""
    member = opened.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        return False
    try:
        with opened.open(member) as stream:
            while stream.read(_CHUNK):
                pass
    except _UNREADABLE:
        return False
    return True


def _require_harmless(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > _MOST_MEMBERS:
        raise UnsafeInput(f"{archive} has {len(members)} members, a bundle has at most {_MOST_MEMBERS}", fix=_AGAIN)
    for member in members:
        reason = _harm(member)
        if reason:
            raise UnsafeInput(f"{archive}: {member.orig_filename!r} {reason}", fix=_AGAIN)
    twice = [name for name, count in Counter(member.filename.casefold() for member in members).items() if count > 1]
    if twice:
        raise UnsafeInput(f"{archive}: {twice[0]!r} is there twice", fix=_AGAIN)


def _harm(member: zipfile.ZipInfo) -> str:
    """Why a member is not one of a bundle; empty if it may be."""
    name = member.orig_filename
    kind = (member.external_attr >> 16) & _KIND
    if "\\" in name or "\0" in name or ":" in name or not name.isprintable() or not name:
        return "is no name of a file in a bundle"
    if name.startswith("/") or any(part in {"", ".", ".."} for part in name.split("/")):
        return "leaves the bundle's folder" if ".." in name or name.startswith("/") else "is a folder, or no plain name"
    if kind not in {0, _PLAIN}:
        return "is a link or a special file"
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        return f"is compressed ({member.file_size} bytes out of {member.compress_size}), which no bundle's files are"
    return "is encrypted" if member.flag_bits & 1 else ""


def _require_contiguous(archive: Path, members: list[zipfile.ZipInfo], end: int) -> None:
    """Every byte before the central directory belongs to one member, whose two headers agree.

    Otherwise another program might unpack something else from the same file.
    """
    place = 0
    with archive.open("rb") as stream:
        for member in sorted(members, key=lambda each: each.header_offset):
            stream.seek(place)
            header = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
            _, _, flags, method, _, _, checksum, _, _, name, extra = header
            agrees = (flags, method, checksum) == (member.flag_bits, member.compress_type, member.CRC)
            if member.header_offset != place or not agrees:
                raise UnsafeInput(f"{archive}: {member.filename!r} has two headers that differ", fix=_AGAIN)
            place += _LOCAL_HEADER.size + name + extra + member.file_size
    if place != end:
        raise UnsafeInput(f"{archive} hides {end - place} bytes that belong to no file", fix=_AGAIN)


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path) -> None:
    with opened.open(member) as source, explained_write_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as stream:
            while piece := source.read(_CHUNK):
                stream.write(piece)


def _require_sums(archive: Path, folder: Path) -> None:
    """Raise unless SHA256SUMS names every file, with its SHA-256, and no other."""
    sums = folder / SUMS
    stated = sums.read_bytes() if sums.is_file() else b""
    if not stated:
        raise UnsafeInput(f"{archive} has no {SUMS}", fix=_AGAIN)
    found = sums_text(folder)
    if stated == found.encode():
        return
    named = _named(stated.decode("utf-8", "replace"))
    present = _named(found)
    missing = [name for name in named if name not in present]
    added = [name for name in present if name not in named]
    changed = [name for name in present if name in named and present[name] != named[name]]
    for names, what in ((missing, "is missing"), (added, "was added"), (changed, "has other bytes")):
        if names:
            raise UnsafeInput(f"{archive}: {names[0]} {what}, by its {SUMS}", fix=_AGAIN)
    raise UnsafeInput(f"{archive}: its {SUMS} is not written as it was packed", fix=_AGAIN)


def _named(sums: str) -> dict[str, str]:
    lines = (line.partition("  ") for line in sums.splitlines())
    return {name: digest for digest, _, name in lines}
