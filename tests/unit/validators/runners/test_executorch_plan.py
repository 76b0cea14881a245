"""A program's instructions in Python give what the runtime gives for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_lowering import Flat, exported, signature_of

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.errors import LoadError, NotRunnable
from edgeproof.converters.from_torch.executorch import lower
from edgeproof.converters.precision import Precision
from edgeproof.validators.runners.executorch import ExecutorchRunner
from edgeproof.validators.runners.executorch_plan import Plan

pytestmark = pytest.mark.slow


def image(seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def flattened(convolution: torch.nn.Module, linear: torch.nn.Module, image: torch.Tensor) -> torch.Tensor:
    return linear(convolution(image).relu().flatten(1)).softmax(1)


def sorted_channels(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    values, places = torch.topk(image, 2, dim=1)
    return values + 1, places


def pieces(image: torch.Tensor) -> tuple[torch.Tensor, ...]:
    left, right = image.split([1, 2], dim=1)
    return torch.cat([right, left], dim=1), left.mean((2, 3)), (right > 0).to(torch.int32)


CASES = {
    "layers": Flat(flattened, torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(144, 5)),
    "several outputs": Flat(sorted_channels),
    "lists and dtypes": Flat(pieces),
    "views alone": Flat(lambda image: image.view(3, 64).t().reshape(8, 24)),
}


def artifact_of(module: torch.nn.Module, file: Path) -> Artifact:
    program = exported(module, [image()])
    signature = signature_of([image()], module(image()))
    payload = lower(program, signature, backend="portable").payload
    file.write_bytes(payload)
    return Artifact(
        file=str(file),
        format="executorch",
        backend="portable",
        precision=Precision.FP32,
        signature=signature,
        sha256="",
        bytes=len(payload),
    )


def nobody(_place: int, _tensors: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    raise AssertionError


@pytest.mark.parametrize("name", CASES)
def test_it_gives_what_the_runtime_gives(name: str, tmp_path: Path):
    with torch.no_grad():
        artifact = artifact_of(CASES[name], tmp_path / "net.pte")
        plan = Plan(artifact, Path(artifact.file).read_bytes())
        with ExecutorchRunner(artifact) as runner:
            assert plan.signature == runner.signature
            for seed in (1, 2):
                expected = list(runner.run({"in_0": image(seed).numpy()}).values())
                found = plan.run([image(seed)], nobody)
                for one, other in zip(expected, found, strict=True):
                    np.testing.assert_allclose(other.numpy(), one, rtol=1e-5, atol=1e-6)


def test_a_damaged_weight_shows(tmp_path: Path):
    with torch.no_grad():
        artifact = artifact_of(CASES["layers"], tmp_path / "net.pte")
        payload = bytearray(Path(artifact.file).read_bytes())
        weight = CASES["layers"].parts[1].weight.detach().numpy().tobytes()
        place = payload.index(weight)
        payload[place : place + 4 * 144] = np.full(144, 100, np.float32).tobytes()
        sound = Plan(artifact, Path(artifact.file).read_bytes()).run([image()], nobody)
        damaged = Plan(artifact, bytes(payload)).run([image()], nobody)
    assert not torch.allclose(sound[0], damaged[0])


def test_what_is_no_program_does_not_load(tmp_path: Path):
    artifact = artifact_of(CASES["views alone"], tmp_path / "net.pte")
    with pytest.raises(LoadError):
        Plan(artifact, b"nothing")


def test_an_operator_that_pytorch_does_not_have_is_not_passed_over(tmp_path: Path):
    artifact = artifact_of(CASES["layers"], tmp_path / "net.pte")
    payload = Path(artifact.file).read_bytes()
    assert payload.count(b"aten::convolution") == 1
    unknown = payload.replace(b"aten::convolution", b"aten::convolutiox")
    with pytest.raises(NotRunnable, match="aten::convolutiox"):
        Plan(artifact, unknown).run([image()], nobody)
