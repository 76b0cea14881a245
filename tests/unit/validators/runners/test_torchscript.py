"""TorchScript as a runner: what is its own beside the contract of all runners."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.errors import LoadError, RunError, UnsafeInput
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.validators.runners.torch_tensors import as_arrays, as_tensor
from edgeproof.validators.runners.torchscript import open_runner


class Picky(torch.nn.Module):
    """Refuses negative sums; drops out in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = torch.nn.Dropout(0.9)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        if bool(x.sum() < 0):
            raise ValueError("negative sum")
        return {"same": self.dropout(x), "nothing": x[:, :0]}


def artifact(
    path: Path, *, outputs: tuple[str, ...] = ("same", "nothing"), inputs: tuple[str, ...] = ("x",)
) -> Artifact:
    signature = Signature(
        inputs=tuple(TensorSpec(name=name, dtype="float32", shape=(2, 3)) for name in inputs),
        outputs=tuple(TensorSpec(name=name, dtype="float32", shape=(2, 3)) for name in outputs),
    )
    return Artifact(
        file=str(path),
        format="torchscript",
        backend="torch",
        precision=Precision.FP32,
        signature=signature,
        sha256="0",
        bytes=1,
    )


@pytest.fixture
def scripted(tmp_path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(Picky().train()).save(str(tmp_path / "m.pt"))
    return tmp_path / "m.pt"


def test_dict_and_empty_outputs_come_out_by_name_in_eval_mode(scripted: Path):
    x = np.ones((2, 3), np.float32)
    with open_runner(artifact(scripted)) as runner:
        outputs = runner.run({"x": x})
    assert list(outputs) == ["same", "nothing"]
    assert np.array_equal(outputs["same"], x)
    assert outputs["nothing"].shape == (2, 0)


def test_what_the_model_raises_is_told_without_its_stack(scripted: Path):
    with open_runner(artifact(scripted)) as runner, pytest.raises(RunError, match="negative sum") as caught:
        runner.run({"x": -np.ones((2, 3), np.float32)})
    assert "Traceback" not in caught.value.message


def test_another_number_of_outputs_is_refused(scripted: Path):
    with open_runner(artifact(scripted, outputs=("same",))) as runner, pytest.raises(RunError, match="2 outputs"):
        runner.run({"x": np.ones((2, 3), np.float32)})


def test_another_number_of_inputs_does_not_load(scripted: Path):
    with pytest.raises(LoadError, match=r"forward .* takes \['x'\]"):
        open_runner(artifact(scripted, inputs=("x", "y")))


def test_tensors_do_not_share_memory_with_arrays():
    array = np.arange(4.0)
    tensor = as_tensor(array)
    tensor += 1
    assert array.tolist() == [0, 1, 2, 3]
    (back,) = as_arrays(tensor)
    back += 1
    assert tensor.tolist() == [1, 2, 3, 4]


def test_nested_outputs_are_flattened_in_order():
    one, two = torch.zeros(1), torch.ones(2, dtype=torch.bool)
    nested = {"a": [one, (two, 3)], "b": None, "c": one.to(torch.complex64).conj()}
    arrays = as_arrays(nested)
    assert [(array.dtype.name, array.shape) for array in arrays] == [
        ("float32", (1,)),
        ("bool", (2,)),
        ("int64", ()),
        ("complex64", (1,)),
    ]


def test_an_archive_that_leaves_its_folder_does_not_reach_torch(scripted: Path):
    with zipfile.ZipFile(scripted, "a") as archive:
        archive.writestr("../outside", b"x")
    with pytest.raises(UnsafeInput, match="outside of its folder"):
        open_runner(artifact(scripted))


class Writes(torch.nn.Module):
    """Writes a file through an operator."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.ops.aten.save(x, self.path)
        return x


def test_an_archive_whose_code_writes_files_does_not_reach_torch(tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(Writes(str(tmp_path / "fired"))).save(str(tmp_path / "m.pt"))
    with pytest.raises(UnsafeInput, match="save"):
        open_runner(artifact(tmp_path / "m.pt", outputs=("same",)))
    assert not (tmp_path / "fired").exists()


def test_a_broken_archive_does_not_load(scripted: Path):
    scripted.write_bytes(scripted.read_bytes()[:200])
    with pytest.raises(LoadError, match="does not load"):
        open_runner(artifact(scripted))
