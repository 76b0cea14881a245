"""Runs ExecuTorch artifacts on a device: files there and back, and our own program in between."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ...converters.errors import NotRunnable
from ...converters.job import RunJob, RunResult
from ...converters.layouts import to_artifact, to_source
from ...converters.processor import Processor
from ...converters.tensors import Call, read_calls, write_calls
from ..guests.executorch_program import Line, check_version, declared, error_of, parse, program_for
from ..guests.npy_stream import read_array, write_arrays
from ..runners.protocol import fitting
from .causes import Circumstances, IllegalInstruction, cause_of
from .command import Places, environment, native_command
from .device import Device

_LIBRARIES = "executorch/lib"


def run_executorch(
    device: Device, places: Places, job: RunJob, circumstances: Circumstances, *, version: str
) -> RunResult:
    """Run `job` with the libraries in the last of the places' folders; raises LoadError, RunError or NotRunnable."""
    check_version(version)
    with tempfile.TemporaryDirectory(prefix="edgeproof-arrays-") as scratch:
        return _run(device, places, job, circumstances, version=version, scratch=Path(scratch))


def _run(  # noqa: PLR0913 (what is run where, and where arrays lie meanwhile)
    device: Device, places: Places, job: RunJob, circumstances: Circumstances, *, version: str, scratch: Path
) -> RunResult:
    inputs = scratch / "inputs.npys"
    with inputs.open("wb") as stream:
        for call in read_calls(Path(job.calls)):
            write_arrays(stream, fitting(job.artifact.signature, to_artifact(call, job.artifact.layouts)))
    outputs = device.new("outputs.npys")
    libraries = f"{places.modules[-1]}/{_LIBRARIES}"
    program = device.put(program_for(device.architecture.machine))
    arguments = (device.put(Path(job.artifact.file)), device.put(inputs), outputs, *_options(job))
    command = native_command(program, places, device.architecture, device.prefix, arguments, libraries=libraries)
    done = device.execute(command, environment(places, libraries=libraries))
    lines = [line for line in map(parse, done.output.splitlines()) if line is not None]
    _raise_errors(lines, job, circumstances)
    loaded = next((line.loaded for line in lines if line.loaded is not None), None)
    if loaded is None or lines[-1].done is None:
        raise cause_of(done, circumstances)
    fetched = scratch / "outputs.npys"
    device.get(outputs, fetched)
    calls = [line for line in lines if line.call is not None]
    with fetched.open("rb") as stream:
        write_calls(Path(job.outputs), _outputs(stream, calls, job))
    found = declared(loaded, job.artifact)
    return RunResult(
        calls=len(calls),
        median_call_seconds=statistics.median(line.milliseconds for line in calls) / 1000 if calls else 0.0,
        made_by={"executorch": version, **found.made_by},
        declared=found.signature,
        processor=Processor(machine=device.architecture.machine, name="", features=loaded.cpu_features),
    )


def _options(job: RunJob) -> Iterator[str]:
    if job.budget is not None:
        yield from ("--seconds", str(job.budget), "--least", str(job.least))
    if job.feedback is not None:
        inputs = [spec.name for spec in job.artifact.signature.inputs]
        outputs = [spec.name for spec in job.artifact.signature.outputs]
        links = (f"{outputs.index(taken)}={inputs.index(given)}" for given, taken in job.feedback.state.items())
        yield from ("--state", str(job.feedback.start), ",".join(links))


def _raise_errors(lines: list[Line], job: RunJob, circumstances: Circumstances) -> None:
    for line in lines:
        if line.error is not None and "SIGILL" in line.error.message:
            raise IllegalInstruction(
                f"executorch on {circumstances.target} met an instruction that this processor does not have",
                fix="judge it on a newer processor, or take a runtime that was built for this one",
            )
        if line.error is not None:
            raise error_of(line.error, job.artifact)


def _outputs(stream: IO[bytes], calls: list[Line], job: RunJob) -> Iterator[Call]:
    names = [spec.name for spec in job.artifact.signature.outputs]
    for line in calls:
        if line.outputs != len(names):
            raise NotRunnable(f"a call gave {line.outputs} outputs, and not {len(names)}", fix="report this as a bug")
        yield to_source({name: read_array(stream) for name in names}, job.artifact.layouts)
