"""Paths that are no checkpoint at all, or one under another name."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from .case import Case

_TEXTS: dict[str, bytes] = {
    "empty.pt": b"", "one-byte.keras": b"P", "zeros.h5": bytes(4096), "space.safetensors": b" " * 64,
    "text.pt": b"not a model\n",
    "lfs.safetensors": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "page.keras": b"<!DOCTYPE html><html></html>", "list.json": b"[1, 2]", "number.json": b"3",
    "deep.json": b"[" * 99999,
    "gguf.bin": b"GGUF\3\0\0\0", "gzip.pt": b"\x1f\x8b\x08\0", "array.npy": b"\x93NUMPY\1\0",
    "code.py": b"import os\n",
    "header.h5": b"\x89HDF\r\n\x1a\n", "header.tflite": b"\x1c\0\0\0TFL3", "header.pte": b"\x1c\0\0\0ET12",
    "surrogate.json": b'{"class_name": "\\ud800", "config": {"layers": []}, "keras_version": "\\udcff"}',
    "name-\udcff.pt": b"x",
    "name\nwith\x1b[31mcontrol.pt": b"x", "huge-header.safetensors": b"\xff\xff\xff\xff\xff\xff\xff\x7f{",
}  # fmt: skip


def odd_places(folder: Path, golden: Path) -> Iterator[Case]:
    """Empty files, folders, pipes, sockets, devices, links that lead nowhere, unreadable files, wrong names."""
    for name, data in _TEXTS.items():
        path = folder / name
        path.write_bytes(data)
        yield Case(kind="odd place", name=name, path=path)
    yield from (Case(kind="odd place", name=path.name, path=path) for path in _no_files(folder))
    files = sorted(path for path in golden.iterdir() if path.is_file())
    for file, other in zip(files, [*files[1:], files[0]], strict=True):
        path = folder / f"{file.stem}-{file.suffix[1:]}-as{other.suffix}"
        shutil.copyfile(file, path)
        yield Case(kind="wrong name", name=path.name, path=path)


def _no_files(folder: Path) -> Iterator[Path]:
    for name in ("folder.pt", "folder.keras"):
        (folder / name).mkdir()
        yield folder / name
    os.mkfifo(folder / "pipe.pt")
    yield folder / "pipe.pt"
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(folder, os.O_RDONLY)  # a socket's path may have a hundred letters only
        server.bind(f"/proc/self/fd/{here}/socket.pt")
        os.close(here)
    yield folder / "socket.pt"
    (folder / "dangling.pt").symlink_to("nothing")
    yield folder / "dangling.pt"
    (folder / "loop.pt").symlink_to("loop.pt")
    yield folder / "loop.pt"
    closed = folder / "unreadable.pt"
    closed.write_bytes(b"x")
    closed.chmod(0)
    yield closed
    yield from (Path(name) for name in ("/dev/zero", "/dev/null", "/proc/self/mem", "/", "/nowhere/at/all"))
    yield folder / ("long" * 100)
    yield folder / "empty.pt" / "below"
