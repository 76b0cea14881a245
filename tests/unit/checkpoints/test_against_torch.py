"""What the readers find in files that torch wrote, beside what torch itself loads from them."""

from __future__ import annotations

import argparse
import collections
import io
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from edgeproof.converters.checkpoints.contents import Opaque, PickledCheckpoint, StoredTensor, tensors_in
from edgeproof.converters.checkpoints.safetensors_header import read_safetensors
from edgeproof.converters.checkpoints.torch_checkpoint import read_torch_checkpoint
from edgeproof.converters.errors import SourceError

_ZIPPED = (True, False)
_DTYPES = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool, torch.complex64, torch.complex128,
)  # fmt: skip
_ONLY_ZIPPED = (torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2)


def _saved(value: object, path: Path, *, zipped: bool) -> PickledCheckpoint:
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    return read_torch_checkpoint(path)


def _loaded(tensor: object) -> torch.Tensor:
    """A tensor from its place, by torch's own view of the bytes."""
    assert isinstance(tensor, StoredTensor)
    raw = Path(tensor.place.file).read_bytes()[tensor.place.offset : tensor.place.offset + tensor.place.bytes]
    storage = torch.frombuffer(bytearray(raw), dtype=getattr(torch, tensor.dtype)) if raw else torch.empty(0)
    return storage.as_strided(tensor.shape, tensor.strides, tensor.storage_offset)


def _same(found: object, expected: torch.Tensor) -> bool:
    loaded = _loaded(found)
    return loaded.dtype == expected.dtype and bool(torch.equal(_bytes(loaded), _bytes(expected)))


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(-1).contiguous().view(torch.uint8)


@pytest.mark.parametrize("zipped", _ZIPPED)
def test_every_dtype_reads_back(tmp_path: Path, zipped: bool) -> None:
    dtypes = _DTYPES + (_ONLY_ZIPPED if zipped else ())
    tensors = {str(dtype): (torch.arange(6) % 2).to(dtype).reshape(2, 3) for dtype in dtypes}
    found = _saved(tensors, tmp_path / "x.pt", zipped=zipped)
    assert isinstance(found.root, dict)
    assert found.refused == ()
    assert [name for name, tensor in tensors.items() if not _same(found.root[name], tensor)] == []


@pytest.mark.parametrize("zipped", _ZIPPED)
def test_views_and_strides_read_back(tmp_path: Path, zipped: bool) -> None:
    whole = torch.arange(24.0).reshape(2, 3, 4)
    tensors = {
        "whole": whole, "turned": whole.permute(2, 0, 1), "part": whole[1, 1:, ::2], "wide": torch.ones(3).expand(5, 3),
        "scalar": torch.tensor(3.0), "last": torch.empty(2, 3, 4, 4).to(memory_format=torch.channels_last).zero_(),
    }  # fmt: skip
    found = _saved(tensors, tmp_path / "x.pt", zipped=zipped).root
    assert isinstance(found, dict)
    assert [name for name, tensor in tensors.items() if not _same(found[name], tensor)] == []
    places = [tensor.place for _, tensor in tensors_in({"a": found["whole"], "b": found["part"]})]
    assert places[0] == places[1]


def test_an_empty_tensor_has_no_bytes(tmp_path: Path) -> None:
    found = _saved({"empty": torch.empty(0, 7)}, tmp_path / "x.pt", zipped=True).root
    assert isinstance(found, dict)
    assert isinstance(found["empty"], StoredTensor)
    assert (found["empty"].shape, found["empty"].bytes) == ((0, 7), 0)


class _Meter:
    def __init__(self) -> None:
        self.total = torch.ones(2)
        self.history = [1.0, 2.5]


@pytest.mark.parametrize("zipped", _ZIPPED)
def test_a_training_checkpoint_comes_apart_and_foreign_objects_stay_closed(tmp_path: Path, zipped: bool) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    module(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    checkpoint = {
        "epoch": 3,
        "best": np.float64(0.5),
        "count": np.int64(-7),
        "state_dict": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(width=3),
        "meter": _Meter(),
        "counts": collections.Counter("abb"),
        "size": torch.Size([1, 2]),
        "raw": b"\x00\xff",
        1: (None, True, 2j),
    }
    found = _saved(checkpoint, tmp_path / "x.pt", zipped=zipped)
    root = found.root
    assert isinstance(root, dict)
    assert isinstance(root["state_dict"], dict)
    assert [key for key, value in module.state_dict().items() if not _same(root["state_dict"][key], value)] == []
    assert [root[key] for key in ("epoch", "best", "count", "size", "raw", 1)] == [
        3, 0.5, -7, (1, 2), b"\x00\xff", (None, True, 2j),
    ]  # fmt: skip
    assert root["counts"] == {"a": 1, "b": 2}
    assert root["args"] == Opaque("argparse.Namespace")
    assert isinstance(root["args"], Opaque)
    assert root["args"].state == {"width": 3}
    assert isinstance(root["meter"], Opaque)
    assert isinstance(root["meter"].state, dict)
    assert _same(root["meter"].state["total"], torch.ones(2))
    assert set(found.refused) == {"argparse.Namespace", f"{__name__}._Meter"}
    assert {"collections.OrderedDict", "argparse.Namespace"} <= set(found.globals)


@pytest.mark.parametrize("zipped", _ZIPPED)
def test_a_pickled_module_is_an_object_whose_weights_can_be_seen(tmp_path: Path, zipped: bool) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 2))
    found = _saved(module, tmp_path / "x.pt", zipped=zipped)
    assert isinstance(found.root, Opaque)
    assert found.root.name == "torch.nn.modules.container.Sequential"
    assert "torch.nn.modules.linear.Linear" in found.refused
    weights = dict(tensors_in(found.root))
    assert _same(weights["_modules.0._parameters.weight"], module[0].weight.detach())


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("zipped", _ZIPPED)
def test_tensors_that_are_no_plain_ones_are_opaque_by_name(tmp_path: Path, zipped: bool) -> None:
    quantised = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    special = {
        "sparse": torch.eye(3).to_sparse(),
        "quantised": quantised,
        "meta": torch.empty(3, device="meta"),
        "conjugated": torch.ones(2, dtype=torch.complex64).conj(),
    }
    if not zipped:
        del special["conjugated"]
    found = _saved(special, tmp_path / "x.pt", zipped=zipped)
    assert isinstance(found.root, dict)
    assert found.refused == ()
    assert {key: value.name for key, value in found.root.items() if isinstance(value, Opaque)} == {
        "sparse": "torch._utils._rebuild_sparse_tensor",
        "quantised": "torch._utils._rebuild_qtensor",
        "meta": "torch._utils._rebuild_meta_tensor_no_storage",
        **({"conjugated": "a view of a tensor (conjugated or negated)"} if zipped else {}),
    }


def test_parameters_and_tensors_with_attributes_are_tensors(tmp_path: Path) -> None:
    with_attribute: Any = torch.nn.Parameter(torch.ones(2))
    with_attribute.note = "x"
    values = {"p": torch.nn.Parameter(torch.ones(2)), "q": with_attribute, "r": torch.nn.Buffer(torch.ones(2))}
    found = _saved(values, tmp_path / "x.pt", zipped=True)
    assert found.refused == ()
    assert [name for name, _ in tensors_in(found.root)] == ["p", "q", "r"]


def test_the_same_object_twice_is_the_same_value(tmp_path: Path) -> None:
    shared = {"w": torch.ones(2)}
    found = _saved({"a": shared, "b": shared}, tmp_path / "x.pt", zipped=True).root
    assert isinstance(found, dict)
    assert found["a"] is found["b"]


def test_what_holds_itself_is_cut(tmp_path: Path) -> None:
    ring: list[Any] = []
    ring.append(ring)
    found = _saved({"ring": ring}, tmp_path / "x.pt", zipped=True).root
    assert found == {"ring": [Opaque("a reference to what holds it")]}


@pytest.mark.parametrize("zipped", _ZIPPED)
def test_a_file_of_another_byte_order_is_refused_in_words(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "x.pt"
    torch.save({"w": torch.ones(2)}, path, _use_new_zipfile_serialization=zipped)
    if zipped:
        _rewrite(path, "x/byteorder", b"big")
    else:
        path.write_bytes(path.read_bytes().replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89"))
    with pytest.raises(SourceError, match="byte order"):
        read_torch_checkpoint(path)


def _rewrite(path: Path, member: str, content: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, old in members.items():
            archive.writestr(name, content if name == member else old)


def test_a_tar_of_the_first_versions_reads_as_torch_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "old.pt"
    _write_tar(path, torch.arange(6.0))
    expected = torch.load(path, weights_only=False)  # written above; torch reads tars in no other way
    found = read_torch_checkpoint(path)
    assert isinstance(found.root, dict)
    assert found.writer == "torch.save (tar, torch 0.1)"
    assert _same(found.root["w"], expected["w"])
    assert _same(found.root["w"], torch.tensor([[1.0, 2.0], [3.0, 4.0]]))


def _write_tar(path: Path, values: torch.Tensor) -> None:
    """What torch 0.1.10 wrote: one storage with a view, and one tensor over the view."""
    import pickle

    raw = values.numpy().tobytes()
    storages = pickle.dumps(1, 2) + pickle.dumps((11, "cpu", torch.FloatStorage), 2)
    storages += struct.pack("<q", len(values)) + raw + pickle.dumps([(12, 11, 1, 4)], 2)
    tensors = pickle.dumps(1, 2) + pickle.dumps((21, 12, torch.FloatTensor), 2)
    tensors += struct.pack("<ii5q", 2, 0, 2, 2, 2, 1, 0)

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: object) -> str | None:
            return "21" if obj == "the tensor" else None

    data = io.BytesIO()
    Pickler(data, 2).dump({"w": "the tensor"})
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in (("storages", storages), ("tensors", tensors), ("pickle", data.getvalue())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_safetensors_read_back(tmp_path: Path) -> None:
    dtypes = [dtype for dtype in _DTYPES if dtype is not torch.complex128] + [torch.float8_e4m3fn, torch.uint16]
    tensors = {str(dtype): (torch.arange(6) % 2).to(dtype).reshape(2, 3) for dtype in dtypes}
    save_file(tensors, tmp_path / "x.safetensors", metadata={"format": "pt"})
    found = read_safetensors(tmp_path / "x.safetensors")
    assert sorted(found) == sorted(tensors)
    assert [name for name, tensor in tensors.items() if not _same(found[name], tensor)] == []
