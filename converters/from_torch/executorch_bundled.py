"""Writes an ExecuTorch program with golden calls into one file (.bpte), which ExecuTorch's own runners replay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from executorch.devtools.bundled_program.config import MethodTestCase, MethodTestSuite
from executorch.devtools.bundled_program.core import BundledProgram
from executorch.devtools.bundled_program.serialize import serialize_from_bundled_program_to_flatbuffer

from ..errors import InputError
from ..job import BundledProgramJob
from ..tensors import Call, read_calls
from ..writing import write_atomically

_METHOD = "forward"
_FIX = "give the calls and outputs of this artifact"


def write_bundled_program(job: BundledProgramJob) -> int:
    """Write the file, always to the same bytes; returns the number of calls in it.

    The program stands in it as it is, the tensors are copied with their dtypes and shapes. Raises InputError for calls
    without these tensors or in another number than what is expected of them.
    """
    cases = [MethodTestCase(inputs, outputs) for inputs, outputs in _cases(job)]
    bundled = BundledProgram(None, [MethodTestSuite(_METHOD, cases)], pte_file_path=job.file)
    write_atomically(Path(job.output), bytes(serialize_from_bundled_program_to_flatbuffer(bundled)))
    return len(cases)


def _cases(job: BundledProgramJob) -> Iterator[tuple[list[Any], list[Any]]]:
    calls, expected = read_calls(Path(job.calls)), read_calls(Path(job.expected))
    for place, call in enumerate(calls):
        outputs = next(expected, None)
        if outputs is None:
            raise InputError(f"{job.expected} ends before call {place} of {job.calls}", fix=_FIX)
        yield _tensors(job.calls, call, job.inputs), _tensors(job.expected, outputs, job.outputs)
    if next(expected, None) is not None:
        raise InputError(f"{job.expected} has more calls than {job.calls}", fix=_FIX)


def _tensors(file: str, call: Call, names: tuple[str, ...]) -> list[Any]:
    missing = [name for name in names if name not in call]
    if missing:
        raise InputError(f"{file} has no {', '.join(missing)}", fix=_FIX)
    return [torch.from_numpy(np.ascontiguousarray(call[name])) for name in names]
