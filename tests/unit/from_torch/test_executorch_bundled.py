"""A program with golden calls in one file: ExecuTorch's runtime loads it, and its own check passes or finds a fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from artifacts import golden
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime

from edgeproof.converters.errors import InputError
from edgeproof.converters.from_torch.executorch_bundled import write_bundled_program
from edgeproof.converters.job import BundledProgramJob
from edgeproof.converters.metadata.embed import EmbedJob, embed
from edgeproof.converters.tensors import Call, write_calls

pytestmark = pytest.mark.torch
CALLS = 3


def job_for(program: Path, folder: Path, *, shift: float = 0.0) -> BundledProgramJob:
    """The job for three calls of net.pte, with outputs of the runtime that are `shift` off in the last call."""
    method = Runtime.get().load_program(str(golden("net.pte"))).load_method("forward")
    assert method is not None
    rng = np.random.default_rng(3)
    calls: list[Call] = []
    expected: list[Call] = []
    for number in range(CALLS):
        call = {
            "image": rng.standard_normal((2, 2, 4, 4)).astype(np.float32),
            "offset": rng.standard_normal((2, 2)).astype(np.float32),
        }
        outputs = [tensor.numpy().copy() for tensor in method.execute([torch.from_numpy(call[n]) for n in call])]
        calls.append(call)
        expected.append({"features": outputs[1], "scores": outputs[0] + (shift if number == CALLS - 1 else 0.0)})
    write_calls(folder / "calls.npz", calls)
    write_calls(folder / "expected.npz", expected)
    return BundledProgramJob(
        file=str(program),
        calls=str(folder / "calls.npz"),
        expected=str(folder / "expected.npz"),
        output=str(folder / "net.bpte"),
        inputs=("image", "offset"),
        outputs=("scores", "features"),
    )


def verified(file: Path, call: int) -> bool:
    """Whether ExecuTorch's own check of a call passes; it raises where it does not."""
    module = portable_lib._load_bundled_program_from_buffer(file.read_bytes())
    try:
        module.verify_result_with_bundled_expected_output("forward", call, 1e-5, 1e-6)
    except RuntimeError as error:
        if "verification failed" not in str(error):
            raise
        return False
    return True


def test_the_runtime_verifies_every_call(tmp_path: Path):
    program = tmp_path / "net.pte"
    embed(EmbedJob(file=str(golden("net.pte")), format="executorch", output=str(program), entries={"a.json": "{}"}))
    job = job_for(program, tmp_path)
    assert write_bundled_program(job) == CALLS
    assert program.read_bytes() in Path(job.output).read_bytes()
    assert all(verified(Path(job.output), call) for call in range(CALLS))


def test_the_runtime_finds_the_call_that_is_off(tmp_path: Path):
    job = job_for(golden("net.pte"), tmp_path, shift=0.01)
    write_bundled_program(job)
    assert [verified(Path(job.output), call) for call in range(CALLS)] == [True, True, False]


def test_the_same_calls_give_the_same_bytes(tmp_path: Path):
    job = job_for(golden("net.pte"), tmp_path)
    write_bundled_program(job)
    first = Path(job.output).read_bytes()
    write_bundled_program(job)
    assert Path(job.output).read_bytes() == first


def test_calls_without_an_output_for_each_are_refused(tmp_path: Path):
    job = job_for(golden("net.pte"), tmp_path)
    write_calls(tmp_path / "expected.npz", [{"scores": np.zeros((2, 3)), "features": np.zeros((2, 2))}])
    with pytest.raises(InputError, match="ends before call 1"):
        write_bundled_program(job)
    write_calls(tmp_path / "calls.npz", [{"picture": np.zeros(1)}])
    with pytest.raises(InputError, match="has no image, offset"):
        write_bundled_program(job)
    assert not Path(job.output).exists()
