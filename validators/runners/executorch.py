"""Runs ExecuTorch artifacts in a program of our own, which starts in milliseconds and needs no torch."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ...converters.artifact import Artifact
from ...converters.errors import EdgeproofError, LoadError, NotRunnable, RunError
from ...converters.job import RunJob, RunResult
from ...converters.signature import Signature
from ...converters.versions import versions_of
from ..guests.executorch_program import Line, check_version, declared, error_of, parse, program_for
from ..guests.npy_stream import read_array, write_arrays
from ..targets.architecture import this_machine
from .protocol import Array, fitting, named_outputs
from .run import run_calls

_THREADS = "OMP_NUM_THREADS"


class ExecutorchRunner:
    """One loaded method in a process of its own; calls go through pipes."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        outputs, outputs_of_child = os.pipe()
        arguments = (artifact.file, "/dev/stdin", f"/dev/fd/{outputs_of_child}")
        try:
            self._process = subprocess.Popen(
                [str(program_for(this_machine())), *arguments, "--threads", os.environ.get(_THREADS, "1")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._messages,
                pass_fds=(outputs_of_child,),
                env={**os.environ, "LD_LIBRARY_PATH": str(_libraries())},
            )
        except BaseException:
            os.close(outputs)
            raise
        finally:
            os.close(outputs_of_child)
        self._outputs: IO[bytes] = os.fdopen(outputs, "rb")
        try:
            self._declared = self._load()
        except BaseException:
            self._end()
            raise

    def _load(self) -> tuple[Signature, dict[str, str]]:
        loaded = self._line().loaded
        if loaded is None:
            raise LoadError(f"{self._artifact.file} was not loaded", fix="report this as a bug")
        found = declared(loaded, self._artifact)
        return found.signature, {**versions_of("executorch"), **found.made_by}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._end()

    @property
    def signature(self) -> Signature:
        """As the program declares it, with the record's names."""
        return self._declared[0]

    @property
    def made_by(self) -> dict[str, str]:
        """The runtime's version, and who takes parts of the program."""
        return self._declared[1]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One call; RunError if the runtime fails."""
        arrays = fitting(self.signature, inputs)
        try:
            write_arrays(self._stdin, arrays)
        except BrokenPipeError:
            raise self._death() from None
        count = self._line().outputs
        return named_outputs(self.signature, [read_array(self._outputs) for _ in range(count)])

    @property
    def _stdin(self) -> IO[bytes]:
        if self._process.stdin is None:
            raise RunError("the runner has no standard input", fix="report this as a bug")
        return self._process.stdin

    def _line(self) -> Line:
        """The next line; raises the error that it tells, or RunError if the process is gone."""
        if self._process.stdout is None:
            raise RunError("the runner has no standard output", fix="report this as a bug")
        line = parse(self._process.stdout.readline())
        if line is None:
            raise self._death()
        if line.error is not None:
            raise error_of(line.error, self._artifact)
        return line

    def _death(self) -> EdgeproofError:
        """The error of a process that ended, or closed its pipes."""
        if self._process.stdout is not None:
            for text in self._process.stdout:
                line = parse(text)
                if line is not None and line.error is not None:
                    return error_of(line.error, self._artifact)
        code = self._process.wait()
        self._messages.seek(0)
        said = self._messages.read().decode(errors="replace").strip().splitlines()
        return RunError(
            f"the ExecuTorch runner ended with {code}: {said[-1] if said else 'it said nothing'}",
            fix="report this with the artifact",
        )

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._outputs, self._messages):
            if stream is not None:
                stream.close()


def _libraries() -> Path:
    """The folder of the runtime's shared libraries; raises NotRunnable if the package is absent, or another version."""
    found = find_spec("executorch")
    if found is None or not found.submodule_search_locations:
        raise NotRunnable("executorch is not installed", fix='pip install "edgeproof[executorch]"')
    check_version(versions_of("executorch").get("executorch", "an unknown version"))
    return Path(found.submodule_search_locations[0]) / "lib"


def open_runner(artifact: Artifact) -> ExecutorchRunner:
    """Load an ExecuTorch program; raises LoadError if the runtime refuses it or it has no method `forward`."""
    return ExecutorchRunner(artifact)


def run(job: RunJob) -> RunResult:
    """Run an artifact on stored calls, in a worker."""
    return run_calls(job, open_runner)
