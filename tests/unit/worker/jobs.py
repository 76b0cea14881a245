"""Entry functions for the tests of workers: each does one thing that a real job may do."""

from __future__ import annotations

import importlib.util
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from edgeproof.converters.errors import ConversionError, SourceError
from edgeproof.converters.source import Source
from edgeproof.converters.worker.stages import stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the job shall do, and with which number."""

    do: str
    number: float = 0.0


def obey(order: Order) -> float:
    """Do it; returns the number, or the process id for "pid" after that many seconds."""
    with stage(order.do):
        return _DEEDS[order.do](order)


opened: list[Source] = []


def open_source(source: Source) -> None:
    """Remember that a source was opened; "broken" cannot be."""
    if source.name == "broken":
        raise SourceError("it is broken", fix="mend it")
    opened.append(source)


def _echo(order: Order) -> float:
    return order.number


def _pid(order: Order) -> float:
    time.sleep(order.number)
    return float(os.getpid())


def _raise(_order: Order) -> float:
    raise ConversionError("it did not work", fix="try another way")


def _bug(_order: Order) -> float:
    raise ZeroDivisionError("nobody expected this")


def _kill(order: Order) -> float:
    os.kill(os.getpid(), int(order.number))
    time.sleep(60)
    return 0.0


def _exit(order: Order) -> float:
    os._exit(int(order.number))


def _sleep(order: Order) -> float:
    time.sleep(order.number)
    return order.number


def _hoard(order: Order) -> float:
    hoard = [bytearray(1 << 20) for _ in range(int(order.number))]
    time.sleep(60)
    return float(len(hoard))


def _memory_error(_order: Order) -> float:
    return float(len(bytearray(1 << 62)))


def _full_disk(_order: Order) -> float:
    with Path("/dev/full").open("wb") as stream:
        stream.write(b"x" * 100_000)
    return 0.0


def _noise(_order: Order) -> float:
    print("python noise")
    os.write(1, b"native noise on stdout\n")
    os.write(2, b"native noise on stderr\n")
    raise ConversionError("noisy", fix="be quiet")


def _import_tensorflow(_order: Order) -> float:
    if importlib.util.find_spec("tensorflow") is not None:
        return 1.0
    __import__("tensorflow")
    return 0.0


def _segfault(_order: Order) -> float:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0.0


_DEEDS = {
    "echo": _echo,
    "pid": _pid,
    "raise": _raise,
    "bug": _bug,
    "kill": _kill,
    "exit": _exit,
    "sleep": _sleep,
    "hoard": _hoard,
    "memory-error": _memory_error,
    "full-disk": _full_disk,
    "noise": _noise,
    "import-tensorflow": _import_tensorflow,
    "segfault": _segfault,
}
