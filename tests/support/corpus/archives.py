"""Archives that leave their folder, lie about their members or grow without end."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from .case import Canaries, Case
from .opcodes import EMPTY_DICT, complete

_HONEST = {"archive/data.pkl": complete(EMPTY_DICT), "archive/version": b"3\n"}
_KERAS = {"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": b"\x89HDF\r\n\x1a\n"}


def archive_canaries(folder: Path, canaries: Canaries) -> Iterator[Case]:
    """All of them."""
    for name, data in (*_zips(canaries), *_tars(canaries)):
        path = folder / name
        path.write_bytes(data)
        yield Case(kind="canary: archive", name=name, path=path)


def _zips(canaries: Canaries) -> Iterator[tuple[str, bytes]]:
    yield "bomb.pt", _zip({**_HONEST, "archive/data/0": bytes(300 << 20)}, zipfile.ZIP_DEFLATED)
    for base, ending in ((_HONEST, "pt"), (_KERAS, "keras")):
        for number, name in enumerate(_names(canaries)):
            yield f"name-{number}.{ending}", _zip({**base, name: b"x"})
        link = zipfile.ZipInfo("archive/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        yield f"link.{ending}", _zip({**base, link: canaries.mark("link").encode()})
        yield f"overlapping.{ending}", _overlapping(base)
        yield f"duplicate.{ending}", _duplicate(base)
        yield f"many.{ending}", _zip({**base, **{f"archive/{number}": b"" for number in range(3000)}})
        size = _zip(base)
        start = size.index(b"PK\1\2")
        yield f"size-lies.{ending}", size[: start + 24] + b"\xff\xff\xff\x7f" + size[start + 28 :]


def _names(canaries: Canaries) -> tuple[str, ...]:
    mark = canaries.mark("slipped")
    return (
        mark, f"../../../../../../../..{mark}", f"archive/../../../../../../../../../..{mark}", "C:\\slipped",
        "\\\\host\\share\\slipped", "..\\slipped", "archive/..", "/",
    )  # fmt: skip


def _zip(
    members: dict[str | zipfile.ZipInfo, bytes] | dict[str, bytes], compression: int = zipfile.ZIP_STORED
) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def _duplicate(base: dict[str, bytes]) -> bytes:
    """The same name twice, by renaming a member of the same length in both of its headers."""
    first = next(iter(base))
    return _zip({**base, f"{first[:-1]}_": b"another"}).replace(f"{first[:-1]}_".encode(), first.encode())


def _overlapping(base: dict[str, bytes]) -> bytes:
    """A second entry in the directory that points to the first member's bytes."""
    data = bytearray(_zip({**base, "twin": b"x"}))
    entry = data.rindex(b"PK\1\2")
    data[entry + 42 : entry + 46] = bytes(4)
    return bytes(data)


def _tars(canaries: Canaries) -> Iterator[tuple[str, bytes]]:
    mark = canaries.mark("tar-slipped")
    for number, (name, kind, target) in enumerate(
        (
            (mark, tarfile.REGTYPE, ""), (f"../../../../../..{mark}", tarfile.REGTYPE, ""),
            ("pickle", tarfile.SYMTYPE, "/etc/passwd"), ("pickle", tarfile.LNKTYPE, "/etc/passwd"),
            ("storages", tarfile.FIFOTYPE, ""), ("tensors", tarfile.CHRTYPE, ""), ("pickle", tarfile.DIRTYPE, ""),
        )
    ):  # fmt: skip
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            for honest in ("storages", "tensors", "pickle"):
                member = tarfile.TarInfo(honest)
                archive.addfile(member, io.BytesIO())
            odd = tarfile.TarInfo(name)
            odd.type, odd.linkname = kind, target
            archive.addfile(odd)
        yield f"tar-{number}.pt", data.getvalue()
