"""Unpacks Debian packages without dpkg: an archive of `ar`, in which a tar holds the files."""

from __future__ import annotations

import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from ....converters.errors import NotRunnable

_MAGIC = b"!<arch>\n"
_HEADER = 60
_READABLE = frozenset({"data.tar", "data.tar.gz", "data.tar.xz"})
_DAMAGED = "remove it with `edgeproof targets remove` and install again"


def unpack(package: Path, folder: Path, *, wanted: Callable[[str], bool]) -> None:
    """Unpack the files of a package that are wanted, by their names without a leading "./".

    Raises NotRunnable for a file that is no package, is cut off, or is compressed in a way that Python does not read.
    """
    for member, archive in _files(package):
        if wanted(_name(member)):
            _extract(member, archive, folder)


def unpack_one(package: Path, folder: Path, names: Collection[str]) -> Path:
    """Unpack the first file whose path is among `names`; raises NotRunnable as above, and if there is none."""
    for member, archive in _files(package):
        if _name(member) in names:
            _extract(member, archive, folder)
            return folder / _name(member)
    raise NotRunnable(f"{package.name} holds none of {', '.join(names)}", fix=_DAMAGED)


def _extract(member: tarfile.TarInfo, archive: tarfile.TarFile, folder: Path) -> None:
    # tarfile's own filters came with Python 3.11.4; Debian 12 has 3.11.2.
    place = folder / _name(member)
    if not place.parent.resolve().is_relative_to(folder.resolve()) or ".." in place.relative_to(folder).parts:
        raise NotRunnable(f"{member.name} would be unpacked outside of its folder", fix=_DAMAGED)
    try:
        archive.extract(member, folder)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise NotRunnable(f"{member.name} could not be unpacked: {error}", fix=_DAMAGED) from error


def _name(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./")


def _files(package: Path) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """The entries in their order, with the archive, which is unpacked as far as they are asked for."""
    try:
        with tarfile.open(fileobj=_data(package), mode="r|*") as archive:
            for member in archive:
                if _name(member) not in {"", "."} and not member.isdev():
                    yield member, archive
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise NotRunnable(f"{package.name} is damaged: {error}", fix=_DAMAGED) from error


def _data(package: Path) -> io.BytesIO:
    for name, payload in _members(package):
        if name in _READABLE:
            return io.BytesIO(payload)
        if name.startswith("data.tar"):
            raise NotRunnable(
                f"{package.name} is packed as {name}, which Python does not read",
                fix="take the packages of Debian, or make a root by other means and name it with --root",
            )
    raise NotRunnable(f"{package.name} is no Debian package, or is cut off", fix=_DAMAGED)


def _members(package: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in the archive; the format is that of ar(5)."""
    with package.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            return
        while len(header := stream.read(_HEADER)) == _HEADER:
            name, size = header[:16].decode("ascii", "replace").strip().rstrip("/"), header[48:58].strip()
            if not size.isdigit():
                return
            payload = stream.read(int(size))
            if len(payload) < int(size):
                return
            stream.read(int(size) % 2)
            yield name, payload
