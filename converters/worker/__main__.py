"""The worker: reads requests, calls entry functions, answers with events, until its input closes."""

from __future__ import annotations

import importlib
import os
import queue
import resource
import sys
import threading
import traceback
import typing
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from .box import Confined, Done, Event, Failed, Request, StageStarted
from .confinement import Confinement, confine, limit_processor_time
from .failures import as_record
from .stacks import RULES, Stack
from .stages import stage, start_clock


class WithoutPackages:
    """An import finder to which some top-level packages do not exist.

    They must look absent both to `import` and to libraries that look for them first (importlib.util.find_spec),
    and must not stand in sys.modules, where others take them for imported.
    """

    def __init__(self, finder: Any, absent: frozenset[str]) -> None:
        self._finder = finder
        self._absent = absent

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """What the finder itself finds, and nothing for the packages that are absent."""
        if name.partition(".")[0] in self._absent:
            return None
        found: ModuleSpec | None = self._finder.find_spec(name, path, target)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)


def main(arguments: Sequence[str]) -> None:
    """Serve: arguments are the stack's name, the descriptors to read from and write to, and a Confinement or "null"."""
    stack, requests, events = Stack(arguments[0]), int(arguments[1]), int(arguments[2])
    wanted = msgspec.json.decode(arguments[3], type=Confinement | None)
    forbidden = frozenset(RULES[stack].forbidden)
    sys.meta_path[:] = [WithoutPackages(finder, forbidden) for finder in sys.meta_path]
    _be_the_first_to_die()
    offline = wanted is not None and confine(wanted)
    inbox = _listen(requests)
    with os.fdopen(events, "wb", buffering=0) as outbox:
        if wanted is not None:
            _send(outbox, Confined(network=not offline))
        while True:
            _serve(inbox.get(), lambda event: _send(outbox, event), offline=offline)


def _send(outbox: typing.BinaryIO | Any, event: Event | Confined) -> None:
    outbox.write(msgspec.json.encode(event) + b"\n")


def _be_the_first_to_die() -> None:
    """When memory runs out the kernel takes this process, not the one that reports."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("800")


def _listen(descriptor: int) -> queue.Queue[Request]:
    """Requests as they arrive; the end of input means that nobody waits for us, so the process ends."""
    inbox: queue.Queue[Request] = queue.Queue()
    decoder = msgspec.json.Decoder(Request)

    def read() -> None:
        with os.fdopen(descriptor, "rb") as lines:
            for line in lines:
                inbox.put(decoder.decode(line))
        os._exit(0)

    threading.Thread(target=read, daemon=True, name="requests").start()
    return inbox


def _serve(request: Request, send: Callable[[Event], None], *, offline: bool) -> None:
    _redirect_output(request.log)
    if request.seconds:
        limit_processor_time(request.seconds)
    clock = start_clock(lambda name: send(StageStarted(name)))
    try:
        result = _call(request)
        send(Done(result=result, seconds=clock.seconds, peak_bytes=_peak_bytes()))
    except BaseException as error:  # noqa: BLE001  (whatever a job raises is that job's result)
        traceback.print_exc()
        send(Failed(error=as_record(error, offline=offline), seconds=clock.seconds, peak_bytes=_peak_bytes()))


def _redirect_output(log: str) -> None:
    """Native libraries print to the descriptors, so those are what must point to the log."""
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _call(request: Request) -> str:
    module_name, _, function_name = request.entry.partition(":")
    with stage("import"):
        function = getattr(importlib.import_module(module_name), function_name)
    job_type = next(kind for name, kind in typing.get_type_hints(function).items() if name != "return")
    result = function(msgspec.json.decode(request.payload, type=job_type))
    return msgspec.json.encode(result).decode()


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main(sys.argv[1:])
