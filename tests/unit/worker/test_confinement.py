"""What a worker that opens somebody's file cannot do; every attempt is that job's result, and the others go on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgeproof.converters import errors
from edgeproof.converters.source import Framework, Source, SourceKind
from edgeproof.converters.worker.box import Request
from edgeproof.converters.worker.launch import WorkerProcess
from edgeproof.converters.worker.pool import Finished, Limits, Pool, Task
from edgeproof.converters.worker.reading import loaded, looked, seconds_to_look
from edgeproof.converters.worker.stacks import Stack, environment_of

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "s3cr3t",
    "HF_TOKEN": "hf_x",
    "PIP_INDEX_URL": "https://user:pw@host",
    "MY_KEY": "1",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def address() -> Iterator[str]:
    """A server on this machine that takes every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def task_of(do: str, to: str = "", *, confined: bool = True) -> Task[str]:
    return Task(
        title=do,
        entry="foreign_jobs:commit",
        job={"do": do, "to": to},
        result=str,
        stack=Stack.RUNTIMES,
        confined=confined,
    )


class Bench:
    """A pool that runs one deed at a time."""

    def __init__(self, limits: Limits) -> None:
        self.pool = Pool(limits, on_progress=lambda _: None)

    def run(self, do: str, to: str = "", *, confined: bool = True) -> Finished[str]:
        ended: list[Finished[str]] = []
        self.pool.submit(task_of(do, to, confined=confined), ended.append)
        self.pool.drain()
        return ended[0]

    @property
    def offline(self) -> bool:
        self.run("home")
        return self.pool.containment is not None and not self.pool.containment.network


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(Limits(jobs=1, timeout=60, memory=512 << 20))
    with made.pool:
        yield made


def test_a_file_s_worker_has_no_network_and_says_what_to_do(bench: Bench, address: str) -> None:
    if not bench.offline:
        pytest.skip("this system does not let the network be taken away")
    for do in ("connect", "download"):
        error = bench.run(do, address).error
        assert isinstance(error, errors.ConversionError | errors.SourceError)
        assert "no network" in error.fix
        assert "factory" in error.fix
    assert bench.run("home").error is None


def test_the_user_s_own_code_keeps_network_and_environment(bench: Bench, address: str) -> None:
    assert bench.run("connect", address, confined=False).value() == "connected"
    assert bench.run("variable", "HF_TOKEN", confined=False).value() == "hf_x"


def test_confined_and_free_jobs_never_share_a_worker(bench: Bench) -> None:
    for _ in range(2):
        assert bench.run("variable", "HF_TOKEN").value() == ""
        assert bench.run("variable", "HF_TOKEN", confined=False).value() == "hf_x"


def test_no_secret_reaches_a_file_s_worker(bench: Bench) -> None:
    for name in SECRETS:
        assert bench.run("variable", name).value() == ""
    assert bench.run("variable", "PATH").value() == os.environ["PATH"]


@pytest.mark.linux
def test_a_file_s_worker_cannot_read_its_parent_s_environment(bench: Bench) -> None:
    if not bench.offline:
        pytest.skip("the same namespaces hide both")
    script = "import os, sys; sys.path.insert(0, sys.argv[1]); from test_confinement import look; print(look())"
    # The environment in /proc is the one that a process was started with.
    done = subprocess.run(
        [sys.executable, "-c", script, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == "PermissionError", done.stderr


def in_another_process(script: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, str(Path(__file__).parent)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else; the other tests run as you")
def test_an_ordinary_user_s_worker_is_confined_in_a_user_namespace(bench: Bench, tmp_path: Path) -> None:
    if not bench.offline:
        pytest.skip("this system does not let the network be taken away")
    script = (
        "import codecs, ctypes, os\nfrom pathlib import Path\ncodecs.lookup('ascii')\n"
        "from edgeproof.converters.worker.confinement import Confinement, confine\n"
        "os.setgid(65534); os.setuid(65534); ctypes.CDLL(None).prctl(4, 1)\n"  # dumpable, as every process of a user is
        "offline = confine(Confinement(memory=1 << 32, file_size=1 << 20))\n"
        "print(offline, os.geteuid(), os.getegid())\n"
        f"Path({str(tmp_path / 'mine')!r}).write_text('x')\n"
        "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('CapEff')])\n"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/") and folder.owner() == "root" and "pytest" in str(folder):
            folder.chmod(0o777)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    if "False" in done.stdout:
        pytest.skip("this system does not give user namespaces to ordinary users")
    assert done.stdout.splitlines() == ["True 65534 65534", "['0000000000000000']"], done.stderr
    assert (tmp_path / "mine").stat().st_uid == 65534


def look() -> str:
    """What a confined worker gets when it looks for a secret in the environment of this process."""
    made = Bench(Limits(jobs=1))
    with made.pool:
        finished = made.run("parent's variable", "HF_TOKEN")
    return finished.result or (finished.error.message.partition(":")[0] if finished.error else "")


def test_home_is_a_folder_of_the_worker_that_goes_with_the_pool(bench: Bench) -> None:
    home = Path(bench.run("home").value())
    assert home != Path.home()
    assert bench.pool.scratch in home.parents


def test_files_stay_writable_where_they_were(bench: Bench, tmp_path: Path) -> None:
    assert bench.run("write", str(tmp_path / "file")).value() == "as before"
    assert (tmp_path / "file").stat().st_uid == os.geteuid()


def test_a_file_that_grows_without_end_is_stopped(bench: Bench, tmp_path: Path) -> None:
    error = bench.run("fill the disk", str(tmp_path)).error
    assert isinstance(error, errors.ConversionError)
    assert "a file grew beyond" in error.message
    assert error.fix
    assert (tmp_path / "huge").stat().st_size <= 4 << 30
    assert bench.run("home").error is None


@pytest.mark.parametrize("do", ["eat memory", "reserve memory"])
def test_memory_has_an_end(bench: Bench, do: str) -> None:
    error = bench.run(do).error
    assert isinstance(error, errors.WorkerOutOfMemory)
    assert "--memory" in error.fix
    assert bench.run("home").error is None


def test_memory_has_an_end_also_where_nobody_said_which() -> None:
    made = Bench(Limits(jobs=1))
    with made.pool:
        assert isinstance(made.run("reserve memory").error, errors.WorkerOutOfMemory)


def test_the_bounds_grow_with_the_file(tmp_path: Path) -> None:
    big = tmp_path / "big.pt"
    with big.open("wb") as stream:
        stream.truncate(2 << 30)
    assert Limits().for_input(tmp_path).confinement.file_size == 16 << 30
    assert Limits().for_input(big).confinement.memory >= Limits().confinement.memory
    assert Limits(memory=1 << 30).for_input(big).confinement.memory == 1 << 30


def test_spinning_ends_at_the_time_limit() -> None:
    made = Bench(Limits(jobs=1, timeout=1))
    with made.pool:
        error = made.run("spin").error
        assert isinstance(error, errors.WorkerTimeout)
        assert "--timeout" in error.fix
        assert made.run("home").error is None


@pytest.mark.slow
def test_spinning_ends_also_when_the_parent_does_not_look(tmp_path: Path) -> None:
    worker = WorkerProcess(Stack.RUNTIMES, scratch=tmp_path, threads=1, confinement=Limits().confinement)
    job = '{"do": "spin"}'
    worker.ask(Request(entry="foreign_jobs:commit", payload=job, log=str(tmp_path / "log"), seconds=0.1))
    deadline = time.monotonic() + 60
    while Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    death = worker.obituary()
    worker.end()
    assert isinstance(death, errors.WorkerTimeout)
    assert "processor time" in death.message


def test_a_crash_leaves_no_core_file(bench: Bench) -> None:
    assert bench.run("core").value() == "0"


def test_the_others_go_on_beside_every_deed(tmp_path: Path) -> None:
    ended: dict[str, Finished[str]] = {}
    with Pool(Limits(jobs=2, timeout=4, memory=512 << 20), on_progress=lambda _: None) as pool:
        for do in ("fill the disk", "eat memory", "spin", "home", "reserve memory", "write"):
            pool.submit(
                task_of(do, str(tmp_path / "file" if do == "write" else tmp_path)),
                lambda finished, do=do: ended.__setitem__(do, finished),
            )
        pool.drain()
    assert {do for do, finished in ended.items() if finished.error is None} == {"home", "write"}
    assert all(finished.error.fix for finished in ended.values() if finished.error is not None)


@pytest.mark.linux
def test_a_worker_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import sys, os; sys.path.insert(0, sys.argv[1]); from test_confinement import Bench, Limits\n"
        "from pathlib import Path\n"
        "made = Bench(Limits(jobs=1)); made.run('home'); print(made.pool._idle[0].pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    deadline = time.monotonic() + 10
    while Path(f"/proc/{done.stdout.strip()}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_packages_of_the_user_s_own_are_found_in_spite_of_another_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("site.ENABLE_USER_SITE", True)
    found = environment_of(Stack.RUNTIMES, scratch=tmp_path, threads=1, confined=True)
    assert found["PYTHONUSERBASE"].startswith(os.environ["HOME"])
    assert found["HOME"] == str(tmp_path)


def test_a_reader_that_dies_or_hangs_says_that_the_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "some.h5"
    path.write_bytes(b"x")
    ended: list[Finished[str]] = []
    with Pool(Limits(jobs=1), on_progress=lambda _: None) as pool:
        for do in ("crash", "spin"):
            pool.submit(replace(task_of(do), seconds=1), ended.append)
            pool.drain()
    for finished in ended:
        with pytest.raises(errors.SourceError, match="damaged in a way that ends whoever reads it") as caught:
            looked(finished, path)
        assert caught.value.fix
    assert isinstance(ended[0].error, errors.WorkerCrashed)
    with pytest.raises(errors.SourceError):
        loaded(ended[0], str(path))
    with pytest.raises(errors.WorkerTimeout):
        loaded(ended[1], str(path))


def test_looking_may_take_longer_at_large_files(tmp_path: Path) -> None:
    path = tmp_path / "large.h5"
    with path.open("wb") as stream:
        stream.truncate(20 << 30)
    assert seconds_to_look(path) > 1000


def test_a_name_that_is_no_text_is_said_to_be_that(bench: Bench) -> None:
    error = bench.run("write", "nowhere/\udcff.pt").error
    assert isinstance(error, errors.UsageError)
    assert "\\udcff.pt is no UTF-8" in error.message
    assert bench.run("home").error is None


def test_an_error_may_quote_half_a_character(bench: Bench) -> None:
    error = bench.run("half a character").error
    assert isinstance(error, errors.SourceError)
    assert "\\ud800" in error.message


@pytest.mark.parametrize(
    ("kind", "path", "foreign"),
    [
        (SourceKind.FACTORY, None, False),
        (SourceKind.LIVE_MODULE, "m.pickle", False),
        (SourceKind.STATE_DICT, "m.pt", True),
        (SourceKind.SAVED_MODEL, "folder", True),
    ],
)
def test_what_has_a_file_is_foreign(kind: SourceKind, path: str | None, foreign: bool) -> None:
    source = Source(name="m", framework=Framework.TORCH, kind=kind, path=path, factory="m.py:build")
    assert source.is_foreign is foreign
