"""The pool with real worker processes: results, limits, and deaths that stay with one job."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeproof.converters import errors
from edgeproof.converters.worker.pool import Finished, Limits, Pool, Progress, Task
from edgeproof.converters.worker.stacks import Stack

ENTRY = "jobs:obey"


@pytest.fixture(autouse=True)
def jobs_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))


class Bench:
    """A pool, what it reported, and how each order ended."""

    def __init__(self, limits: Limits) -> None:
        self.progress: list[Progress] = []
        self.pool = Pool(limits, on_progress=self.progress.append)
        self.ended: list[Finished[float]] = []

    def order(self, do: str, number: float = 0.0, *, stack: Stack = Stack.RUNTIMES, cost: float = 1.0) -> None:
        job = {"do": do, "number": number}
        task = Task(title=do, entry=ENTRY, job=job, result=float, stack=stack, cost=cost)
        self.pool.submit(task, self.ended.append)

    def one(self, do: str, number: float = 0.0, *, stack: Stack = Stack.RUNTIMES) -> Finished[float]:
        self.order(do, number, stack=stack)
        self.pool.drain()
        return self.ended[-1]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(Limits(jobs=2))
    with made.pool:
        yield made


def test_a_result_and_its_stages_come_back(bench: Bench) -> None:
    finished = bench.one("echo", 7.5)
    assert finished.result == 7.5
    assert finished.error is None
    assert set(finished.seconds) == {"import", "echo"}
    assert finished.peak_bytes > 1 << 20
    assert [step.stage for step in bench.progress] == ["queued", "import", "echo", "done"]


def test_a_worker_stays_warm_for_the_next_job(bench: Bench) -> None:
    assert bench.one("pid").result == bench.one("pid").result


def test_two_jobs_run_side_by_side(bench: Bench) -> None:
    bench.order("sleep", 1.5)
    bench.order("pid", stack=Stack.TORCH)
    bench.pool.drain()
    assert len(bench.ended) == 2
    assert bench.ended[0].result != 1.5


def test_an_error_of_ours_comes_back_as_itself(bench: Bench) -> None:
    error = bench.one("raise").error
    assert isinstance(error, errors.ConversionError)
    assert error.message == "it did not work"
    assert error.fix == "try another way"


def test_an_unexpected_error_names_itself_and_its_log(bench: Bench) -> None:
    error = bench.one("bug").error
    assert error is not None
    assert "ZeroDivisionError: nobody expected this" in error.message
    assert error.log is not None
    assert "Traceback" in Path(error.log).read_text()


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_signal_ends_one_job_only(bench: Bench, name: str) -> None:
    finished = bench.one("kill", signal.Signals[name])
    assert isinstance(finished.error, errors.WorkerKilled)
    assert name in finished.error.message
    assert finished.error.fix
    assert finished.error.exit_code == 6
    assert bench.one("echo", 1).result == 1


def test_an_exit_in_the_middle_is_told(bench: Bench) -> None:
    error = bench.one("exit", 3).error
    assert isinstance(error, errors.WorkerDied)
    assert "code 3" in error.message


def test_the_others_go_on_when_one_dies(bench: Bench) -> None:
    bench.order("sleep", 1.0, stack=Stack.TORCH)
    bench.order("segfault")
    bench.pool.drain()
    results = {type(finished.error).__name__: finished.result for finished in bench.ended}
    assert results == {"WorkerCrashed": None, "NoneType": 1.0}


def test_the_time_limit_is_kept() -> None:
    bench = Bench(Limits(jobs=1, timeout=1.0))
    with bench.pool:
        finished = bench.one("sleep", 60)
    assert isinstance(finished.error, errors.WorkerTimeout)
    assert "--timeout" in finished.error.fix
    assert finished.wall_seconds < 10


def test_the_memory_limit_is_kept() -> None:
    bench = Bench(Limits(jobs=1, memory=300 << 20))
    with bench.pool:
        finished = bench.one("hoard", 1000)
        assert isinstance(finished.error, errors.WorkerOutOfMemory)
        assert "--memory" in finished.error.fix
        assert bench.one("echo", 2).result == 2


def test_memory_that_cannot_be_had_is_a_typed_error(bench: Bench) -> None:
    assert isinstance(bench.one("memory-error").error, errors.WorkerOutOfMemory)


def test_a_full_disk_is_told(bench: Bench) -> None:
    error = bench.one("full-disk").error
    assert isinstance(error, errors.UsageError)
    assert "disk is full" in error.message


def test_noise_goes_to_the_log(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    error = bench.one("noise").error
    assert error is not None
    assert error.log is not None
    text = Path(error.log).read_text()
    assert "python noise" in text
    assert "native noise on stdout" in text
    assert "native noise on stderr" in text
    assert capfd.readouterr() == ("", "")


def test_frameworks_that_must_not_meet_are_refused(bench: Bench) -> None:
    error = bench.one("import-tensorflow", stack=Stack.TORCH).error
    assert isinstance(error, errors.NeedsTensorFlow)


def test_a_worker_with_more_libraries_takes_the_jobs_of_one_with_fewer(bench: Bench) -> None:
    both = bench.one("pid", stack=Stack.KERAS_TORCH).result
    assert bench.one("pid", stack=Stack.TORCH).result == both


def test_a_worker_with_fewer_libraries_does_not_take_the_jobs_of_one_with_more(bench: Bench) -> None:
    torch_alone = bench.one("pid", stack=Stack.TORCH).result
    assert bench.one("pid", stack=Stack.KERAS_TORCH).result != torch_alone


def test_a_job_waits_for_a_worker_that_will_soon_be_free(bench: Bench) -> None:
    bench.order("pid", 1.6, stack=Stack.TORCH, cost=2.5)
    sleep = Task(title="sleep", entry=ENTRY, job={"do": "sleep", "number": 0.8}, result=float, stack=Stack.RUNTIMES)
    bench.pool.submit(sleep, lambda _finished: bench.order("pid", stack=Stack.TORCH))
    bench.pool.drain()
    first, second = bench.ended
    assert first.result == second.result


def test_a_job_gets_a_worker_of_its_own_beside_one_that_takes_long(bench: Bench) -> None:
    bench.order("pid", 1.6, stack=Stack.TORCH, cost=60)
    bench.order("pid", stack=Stack.TORCH)
    bench.pool.drain()
    quick, slow = bench.ended
    assert quick.result != slow.result
    assert quick.wall_seconds < slow.wall_seconds


def test_an_idle_worker_stays_until_memory_is_short(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    torch_alone = bench.one("pid", stack=Stack.TORCH).result
    bench.one("pid")
    assert bench.one("pid", stack=Stack.TORCH).result == torch_alone
    monkeypatch.setattr(Pool, "_free_memory", lambda _pool: 1 << 29)
    bench.one("pid", stack=Stack.TENSORFLOW)
    with pytest.raises(ProcessLookupError):
        os.kill(int(torch_alone or 0), 0)


def test_leaving_the_pool_ends_its_workers_and_removes_its_files() -> None:
    bench = Bench(Limits(jobs=1))
    with bench.pool:
        pid = int(bench.one("pid").result or 0)
        scratch = bench.pool.scratch
        assert scratch.exists()
    assert not scratch.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_interrupt_ends_the_workers() -> None:
    bench = Bench(Limits(jobs=1))

    def interrupt(_finished: Finished[float]) -> None:
        raise KeyboardInterrupt

    pid = 0
    with pytest.raises(KeyboardInterrupt), bench.pool:
        pid = int(bench.one("pid").result or 0)
        task = Task(title="x", entry=ENTRY, job={"do": "echo"}, result=float, stack=Stack.RUNTIMES)
        bench.pool.submit(task, interrupt)
        bench.pool.drain()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_dead_idle_worker_is_replaced(bench: Bench) -> None:
    pid = int(bench.one("pid").result or 0)
    os.kill(pid, signal.SIGKILL)
    finished = bench.one("echo", 5)
    assert finished.result == 5
