"""Entry functions that do what a hostile file would do, if its code ran."""

from __future__ import annotations

import os
import resource
import signal
import socket
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from edgeproof.converters.errors import SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What to do, and with what."""

    do: str
    to: str = ""


def commit(deed: Deed) -> str:
    """Do it; returns what came of it."""
    return _DEEDS[deed.do](deed.to)


def _connect(address: str) -> str:
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10):
        return "connected"


def _download_in_a_factory(address: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=10) as answer:
            return str(answer.status)
    except OSError as error:
        raise SourceError(f"the factory raised {error}", fix="correct the factory") from error


def _read_variable(name: str) -> str:
    return os.environ.get(name, "")


def _read_variable_of_parent(name: str) -> str:
    pairs = Path(f"/proc/{os.getppid()}/environ").read_bytes().split(b"\0")
    return next((pair.decode() for pair in pairs if pair.startswith(name.encode())), "")


def _fill_the_disk(folder: str) -> str:
    with Path(folder, "huge").open("wb") as stream:
        for _ in range(10):
            stream.seek(1 << 30, os.SEEK_CUR)
            stream.write(b"x")
    return "written"


def _eat_memory(_: str) -> str:
    hoard = [bytearray(os.urandom(1 << 20) * 64) for _ in range(1000)]
    return str(len(hoard))


def _reserve_memory(_: str) -> str:
    return str(len(bytearray(1 << 40)))


def _spin(_: str) -> str:
    while True:
        pass


def _home(_: str) -> str:
    Path.home().joinpath("here").touch()
    return str(Path.home())


def _write(path: str) -> str:
    Path(path).write_text("as before")
    return Path(path).read_text()


def _core_limit(_: str) -> str:
    return str(resource.getrlimit(resource.RLIMIT_CORE)[1])


def _crash(_: str) -> str:
    os.kill(os.getpid(), signal.SIGSEGV)
    return ""


def _half_a_character(_: str) -> str:
    raise SourceError("the layer \ud800 is unknown", fix="rename it")


_DEEDS = {
    "crash": _crash,
    "half a character": _half_a_character,
    "connect": _connect,
    "download": _download_in_a_factory,
    "variable": _read_variable,
    "parent's variable": _read_variable_of_parent,
    "fill the disk": _fill_the_disk,
    "eat memory": _eat_memory,
    "reserve memory": _reserve_memory,
    "spin": _spin,
    "home": _home,
    "write": _write,
    "core": _core_limit,
}
