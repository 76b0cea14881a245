"""Another machine as a device: copies that stay there, a folder for each run, and commands."""

from __future__ import annotations

import contextlib
import fcntl
import secrets
import shlex
import tarfile
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from ...converters.errors import NotRunnable
from ...converters.processor import Processor, processor_from
from .architecture import ARCHITECTURES, Architecture, machine_of
from .device import Completed
from .remote_shell import Shell, is_full, refusal

_WHOLE = ".whole"
# One answer a line; what is left is about the processor.
_QUESTIONS = (
    "uname -s; uname -m; printf '%s\\n' {base}; if command -v tar >/dev/null; then echo tar; else echo; fi; "
    "cat /proc/cpuinfo 2>/dev/null || :"
)
# While a command runs, this file has the group of its processes.
_LEADER = ".leader"
_NOTE = f"echo $$ > {_LEADER}"
_END = f"if test -s {_LEADER}; then kill -9 -$(cat {_LEADER}); fi"


class Transport(Protocol):
    """How a machine is reached: its shell, and the way of files. All raise NotRunnable if it is not, or refuses."""

    shell: Shell
    # The folder of everything that we write there, as a word of a shell script.
    base: str

    def send(self, file: Path, path: str) -> None:
        """Write a file of this machine to a path there."""
        ...

    def fetch(self, path: str, file: Path) -> None:
        """Write what lies at a path there to a file of this machine."""
        ...

    def unpack(self, archive: Path, folder: str) -> None:
        """Unpack a tar of this machine into a folder there."""
        ...

    def close(self) -> None:
        """End the connection; never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a machine said of itself, and the folder there that is ours."""

    architecture: Architecture
    processor: Processor
    base: str


def look(transport: Transport) -> Found:
    """Ask a machine what it is; raises NotRunnable if it is not reached, or is one that nothing was built for."""
    shell = transport.shell
    answer = shell.check(_QUESTIONS.format(base=transport.base), "asking what it is").decode(errors="replace")
    system, machine, base, tar, *cpuinfo = [*answer.splitlines(), "", "", "", ""]
    if system != "Linux":
        raise NotRunnable(f"{shell.name} runs {system or 'nothing known'}, not Linux", fix="take one that runs Linux")
    if tar != "tar":
        raise NotRunnable(f"there is no tar on {shell.name}", fix="install tar there (busybox has one)")
    for architecture in ARCHITECTURES.values():
        if architecture.machine == machine_of(machine):
            processor = processor_from("\n".join(cpuinfo), machine=architecture.machine)
            return Found(architecture=architecture, processor=processor, base=base)
    raise NotRunnable(
        f"{shell.name} is a {machine}, for which there are no parts",
        fix="take a board with Linux for "
        + " or ".join(f"{each.machine} (edgeproof targets install {name})" for name, each in ARCHITECTURES.items()),
    )


class Remote:
    """A machine behind a transport; files in the folder `locks` keep two workers from sending it the same thing."""

    prefix: tuple[str, ...] = ()

    def __init__(self, transport: Transport, found: Found, *, locks: Path) -> None:
        self.architecture = found.architecture
        self._transport = transport
        self._base = found.base
        self._locks = locks
        self._run: str | None = None
        self._folders: dict[Path, str] = {}

    def keep(self, folder: Path, key: str) -> str:
        """A copy that stays: made in the run's folder, and whole when it gets its name."""
        place = f"{self._base}/targets/{key}"
        with self._alone(place):
            if self._shell.run(f"test -e {_word(f'{place}/{_WHOLE}')}").code:
                self._copy(folder, place)
        return place

    def put(self, file: Path) -> str:
        """A copy in the run's folder, where files of one folder lie beside each other."""
        folder = self._folders.get(file.parent)
        if folder is None:
            folder = self._folders[file.parent] = self.new(f"from-{len(self._folders)}")
            self._shell.check(f"mkdir {_word(folder)}", "making a folder")
        path = f"{folder}/{file.name}"
        self._transport.send(file, path)
        return path

    def new(self, name: str) -> str:
        """A place in the run's folder."""
        return f"{self._folder()}/{name}"

    def execute(self, command: Sequence[str], environment: Mapping[str, str]) -> Completed:
        """Run it in the run's folder; raises NotRunnable if the machine is lost meanwhile, or if its disk is full."""
        variables = (f"{name}={value}" for name, value in environment.items())
        line = shlex.join(["env", "-i", *variables, *command])
        script = f"cd {_word(self._folder())} && {_NOTE} && {line}; code=$?; rm -f {_LEADER}; exit $code"
        done = self._shell.run(script)
        if done.code and is_full(done.errors):
            raise refusal("a run", self._shell.name, done.errors)
        return done

    def get(self, path: str, file: Path) -> None:
        """Copy it from there."""
        self._transport.fetch(path, file)

    def clean(self) -> None:
        """Remove the run's folder, and close the connection; a machine that is lost keeps it until a later run.

        A command that a lost connection left behind is ended.
        """
        if self._run is not None:
            with contextlib.suppress(NotRunnable):
                self._shell.run(f"cd {_word(self._run)} && {_END}; rm -rf {_word(self._run)}")
        self._run = None
        self._folders.clear()
        self._transport.close()

    @property
    def _shell(self) -> Shell:
        return self._transport.shell

    def _folder(self) -> str:
        """The run's folder, made when it is needed first; those of lost runs go after a day."""
        if self._run is None:
            runs, name = f"{self._base}/runs", secrets.token_hex(8)
            sweep = f"find {_word(runs)} -mindepth 1 -maxdepth 1 -mtime +1 -exec rm -rf {{}} + 2>/dev/null"
            self._run = f"{runs}/{name}"
            self._shell.check(
                f"mkdir -p {_word(runs)} && {{ {sweep}; mkdir -m 700 {_word(self._run)}; }}", "making a folder"
            )
        return self._run

    def _copy(self, folder: Path, place: str) -> None:
        fresh = self.new(f"copy-{secrets.token_hex(4)}")
        self._shell.check(f"mkdir -p {_word(fresh)} {_word(str(Path(place).parent))}", "making a folder")
        with tempfile.TemporaryDirectory(prefix="edgeproof-copy-") as scratch:
            archive = Path(scratch) / "folder.tar"
            _pack(folder, archive)
            self._transport.unpack(archive, fresh)
        # Another machine may have sent the same meanwhile; what has no mark was interrupted as it was removed.
        self._shell.check(
            f"echo > {_word(f'{fresh}/{_WHOLE}')} && "
            f"if test -e {_word(f'{place}/{_WHOLE}')}; then rm -rf {_word(fresh)}; "
            f"else rm -rf {_word(place)} && mv {_word(fresh)} {_word(place)}; fi",
            "copying",
        )

    @contextmanager
    def _alone(self, place: str) -> Generator[None]:
        name = sha256(f"{self._shell.name}\n{place}".encode()).hexdigest()[:16]
        self._locks.mkdir(parents=True, exist_ok=True)
        with (self._locks / f".copying-{name}.lock").open("wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def _word(path: str) -> str:
    return shlex.quote(path)


def _pack(folder: Path, archive: Path) -> None:
    """Everything in a folder, for a tar of any kind, belonging to whoever unpacks it."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return None if member.name.endswith(".pyc") else member

    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, arcname=path.name, filter=plain)
