"""The parent's side of one worker process: start it, hand it a job, hear from it, end it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ..errors import WorkerCrashed, WorkerDied, WorkerKilled, WorkerOutOfMemory, WorkerTimeout
from .box import Confined, Event, Request
from .confinement import Confinement, Containment
from .stacks import RULES, Stack, environment_of

_FAULTS = frozenset({"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP"})
_DECODER = msgspec.json.Decoder(Event | Confined)
_PACKAGE = __package__ or "edgeproof.converters.worker"


class WorkerProcess:
    """A warm worker of one stack; it takes one job at a time. `confinement` is None for the user's own code.

    `site` is a folder that it imports from before all that is installed.
    """

    def __init__(
        self, stack: Stack, *, scratch: Path, threads: int, confinement: Confinement | None, site: str = ""
    ) -> None:
        self.stack = stack
        self.site = site
        self.confinement = confinement
        self._confined: Confined | None = None
        self.serves = {stack, *RULES[stack].also_serves}
        self.warm: set[str] = {served.value for served in self.serves}
        self.has_served = False
        to_child, self._requests = os.pipe()
        self.events, from_child = os.pipe()
        self._log = scratch / f"worker-{stack}-{self._requests}.log"
        self._buffer = b""
        confined = confinement is not None
        try:
            home = Path(tempfile.mkdtemp(prefix=f"{stack}-", dir=scratch)) if confined else scratch
            environment = environment_of(stack, scratch=home, threads=threads, confined=confined, site_folder=site)
            self._process = self._start(to_child, from_child, environment)
        finally:
            os.close(to_child)
            os.close(from_child)
        os.set_blocking(self.events, False)

    def _start(self, to_child: int, from_child: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C in the terminal reaches the parent alone, which then ends its workers.
        confinement = msgspec.json.encode(self.confinement).decode()
        arguments = (self.stack.value, str(to_child), str(from_child), confinement)
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-u", "-m", _PACKAGE, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                pass_fds=(to_child, from_child),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def ask(self, request: Request) -> None:
        """Hand over a job; raises WorkerDied if the process is gone."""
        try:
            os.write(self._requests, msgspec.json.encode(request) + b"\n")
        except BrokenPipeError:
            raise self.obituary() from None

    def hear(self) -> Iterator[Event]:
        """The events that arrived; raises WorkerDied when the process closed its end."""
        try:
            chunk = os.read(self.events, 1 << 20)
        except BlockingIOError:
            return
        if not chunk:
            raise self.obituary()
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for line in lines:
            event = _DECODER.decode(line)
            if isinstance(event, Confined):
                self._confined = event
            else:
                yield event

    def containment(self, seconds: float) -> Containment | None:
        """What is in force for jobs of at most `seconds`; None where nothing is, or was not reported yet."""
        if self.confinement is None or self._confined is None:
            return None
        return Containment(
            network=self._confined.network,
            memory=self.confinement.memory,
            file_size=self.confinement.file_size,
            seconds=seconds,
        )

    def resident_bytes(self) -> int:
        """Memory it holds now, or 0 where the system does not tell."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def obituary(self) -> WorkerDied:
        """Why the process ended, as an error."""
        code = self._process.wait()
        last_words = self._last_words()
        if code < 0:
            name = signal.Signals(-code).name
            if name == "SIGXCPU":
                return WorkerTimeout(
                    f"the {self.stack} worker used up its processor time and was ended{last_words}",
                    fix="allow more with --timeout",
                )
            cause = "the system was probably out of memory" if name == "SIGKILL" else "a native library crashed"
            kind = WorkerCrashed if name in _FAULTS else WorkerKilled
            return kind(
                f"the {self.stack} worker was ended by {name} ({cause}){last_words}",
                fix="read the log; run this format alone with --jobs 1, or leave it out with --to",
            )
        return WorkerDied(
            f"the {self.stack} worker exited with code {code} in the middle of a job{last_words}",
            fix="read the log, and run `edgeproof doctor`",
        )

    def _last_words(self) -> str:
        text = self._log.read_text(errors="replace").strip() if self._log.exists() else ""
        return f": {text.splitlines()[-1]}" if text else ""

    def end(self) -> None:
        """Kill the process and everything it started, and close the pipes."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            self._process.poll()
        self._process.wait()
        os.close(self._requests)
        os.close(self.events)


def over_time(title: str, seconds: float) -> WorkerTimeout:
    """The error of a job that ran longer than `seconds`."""
    return WorkerTimeout(
        f"{title} ran longer than its limit of {seconds:g} s and was ended",
        fix=f"allow more with --timeout {max(2 * seconds, 60):g}",
    )


def over_memory(title: str, limit: int, used: int) -> WorkerOutOfMemory:
    """The error of a job whose process held `used` bytes where `limit` were allowed."""
    return WorkerOutOfMemory(
        f"{title} used {used / 2**20:.0f} MiB of memory, over its limit of {limit / 2**20:.0f} MiB, and was ended",
        fix=f"allow more with --memory {2 * used // 2**20}M",
    )
