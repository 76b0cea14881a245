"""Packs a folder into a bundle's archive: the same files give the same bytes, and every byte is accounted for.

Members are stored and not compressed, lie one after another in the order of their names, and carry no date. The
archive's comment ends with the SHA-256 of all bytes before it.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from ...converters.manifest import file_sha256
from ...converters.writing import atomic_replacement

SUMS = "SHA256SUMS"
SIGNATURE = "model.sig"
COMMENT = b"edgeproof bundle sha256:"
DIGEST_LENGTH = 64
_PLAIN_FILE = 0o100644 << 16
_UNIX = 3
_CHUNK = 1 << 20


def files_of(folder: Path) -> dict[str, Path]:
    """Every file of a bundle's folder by its name in the bundle, in order."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return dict(sorted((path.relative_to(folder).as_posix(), path) for path in found))


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS over every file but itself and the signature, as `sha256sum -c` reads it."""
    (folder / SUMS).write_text(sums_text(folder), encoding="utf-8")


def sums_text(folder: Path) -> str:
    """What SHA256SUMS of a folder says."""
    own = (SUMS, SIGNATURE)
    return "".join(f"{file_sha256(path)}  {name}\n" for name, path in files_of(folder).items() if name not in own)


def pack(folder: Path, archive: Path) -> None:
    """Write the archive, whole or not at all; UsageError if the disk is full."""
    with atomic_replacement(archive) as partial:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as opened:
            for name, path in files_of(folder).items():
                _store(opened, name, path)
            opened.comment = COMMENT + b"0" * DIGEST_LENGTH
        _seal(partial)


def _store(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    member = zipfile.ZipInfo(name)
    member.create_system, member.external_attr = _UNIX, _PLAIN_FILE
    member.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(member, "w") as stream:
        while piece := source.read(_CHUNK):
            stream.write(piece)


def _seal(archive: Path) -> None:
    digest = sealed_sha256(archive)
    with archive.open("r+b") as stream:
        stream.seek(-DIGEST_LENGTH, 2)
        stream.write(digest.encode())


def sealed_sha256(archive: Path) -> str:
    """The SHA-256 of all bytes of an archive but the last 64, which say it."""
    digest = hashlib.sha256()
    left = archive.stat().st_size - DIGEST_LENGTH
    with archive.open("rb") as stream:
        while left > 0 and (piece := stream.read(min(_CHUNK, left))):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()
