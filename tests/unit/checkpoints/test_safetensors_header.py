from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgeproof.converters.checkpoints.safetensors_header import read_safetensors
from edgeproof.converters.errors import SourceError, UnsafeInput

_ONE = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def _written(path: Path, header: Any, data: bytes = bytes(8)) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def _index(folder: Path, **where: str) -> Path:
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 16}, "weight_map": where}))
    return path


def test_a_header_says_where_each_tensor_lies(tmp_path: Path) -> None:
    path = _written(tmp_path / "x.safetensors", {"__metadata__": {"format": "pt"}, **_ONE})
    tensor = read_safetensors(path)["w"]
    assert (tensor.dtype, tensor.shape, tensor.strides) == ("float32", (2,), (1,))
    assert tensor.place.offset + tensor.place.bytes == path.stat().st_size


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"{", "JSON cannot be read"),
        (b"[]", "no object"),
        (b'{"w":1,"w":2}', "occurs twice"),
        (b"[" * 100_000, "JSON cannot be read"),
        ({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, "claims 4 bytes"),
        ({"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, "leave a gap"),
        ({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, "end at byte"),
        ({"w": {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}}, "unknown dtype"),
        ({"w": {"dtype": "F32", "shape": [-2], "data_offsets": [0, -8]}}, "impossible shape"),
        ({"w": {"dtype": "F32", "shape": [1 << 61, 1 << 61], "data_offsets": [0, 8]}}, "its shape says otherwise"),
        ({"w": {"dtype": "F32", "shape": [True, 2], "data_offsets": [0, 8]}}, "impossible shape"),
        ({"__metadata__": {"a": 1}, **_ONE}, "metadata"),
        ({**_ONE, "v": _ONE["w"]}, "overlap"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: Any, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        read_safetensors(_written(tmp_path / "x.safetensors", header))
    assert caught.value.fix


def test_a_header_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes((1 << 40).to_bytes(8, "little") + b"{}")
    with pytest.raises(SourceError, match="its header claims 1099511627776 bytes"):
        read_safetensors(path)


def test_shards_are_read_as_one(tmp_path: Path) -> None:
    _written(tmp_path / "a.safetensors", _ONE)
    _written(tmp_path / "b.safetensors", {"v": _ONE["w"]})
    found = read_safetensors(_index(tmp_path, v="b.safetensors", w="a.safetensors"))
    assert [(name, Path(tensor.place.file).name) for name, tensor in found.items()] == [
        ("v", "b.safetensors"),
        ("w", "a.safetensors"),
    ]


@pytest.mark.parametrize("name", ["../a.safetensors", "/etc/passwd", "sub/a.safetensors", "..", "", "C:a", "a\\b"])
def test_a_shard_outside_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    _written(tmp_path / "a.safetensors", _ONE)
    with pytest.raises(UnsafeInput, match="outside of its folder") as caught:
        read_safetensors(_index(folder, w=name))
    assert caught.value.exit_code == 5


def test_a_shard_that_is_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.safetensors").symlink_to(_written(tmp_path / "secret", _ONE))
    with pytest.raises(UnsafeInput, match="leads out of its folder"):
        read_safetensors(_index(folder, w="a.safetensors"))


def test_the_links_of_a_hub_s_cache_are_followed(tmp_path: Path) -> None:
    snapshot, blobs = tmp_path / "snapshots" / "abc", tmp_path / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (snapshot / "a.safetensors").symlink_to(_written(blobs / "0123", _ONE))
    assert list(read_safetensors(_index(snapshot, w="a.safetensors"))) == ["w"]


def test_a_missing_shard_and_one_of_another_version_are_named(tmp_path: Path) -> None:
    index = _index(tmp_path, w="a.safetensors", v="a.safetensors")
    with pytest.raises(SourceError, match=r"names the shard a\.safetensors, which does not exist"):
        read_safetensors(index)
    _written(tmp_path / "a.safetensors", _ONE)
    with pytest.raises(SourceError, match="disagree on 1 tensors, 'v'"):
        read_safetensors(index)
