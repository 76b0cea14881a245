"""Reads the header of safetensors files, single or sharded: names, dtypes, shapes and where the bytes lie.

The format (https://github.com/huggingface/safetensors#format): eight bytes with the header's length, the header as
JSON, then the tensors one after another without gaps.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn, cast

from ..errors import SourceError
from .contents import WIDTHS, StoredTensor, TensorPlace, row_major
from .malformed import Malformed, Refused
from .opening import damage_named, mapped

LARGEST_HEADER = 100_000_000
_WHAT = "safetensors file"
_WHAT_INDEX = "safetensors index"
_METADATA = "__metadata__"
_MOST_SHARDS = 10_000
_LARGEST_INDEX = 100_000_000
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
    "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip


def read_safetensors(path: Path) -> dict[str, StoredTensor]:
    """The tensors of a .safetensors file, or of every shard that a .safetensors.index.json names.

    Raises SourceError for damaged files and missing shards, UnsafeInput for a shard outside of the folder.
    """
    if is_index(path):
        return read_shards(path)
    return read_safetensors_file(path)[0]


def is_index(path: Path) -> bool:
    """Whether the file is JSON, as an index of shards is, and not a header's length followed by JSON."""
    data = mapped(path)
    return data[:1].tobytes() == b"{" and int.from_bytes(data[:8], "little") > len(data)


def read_safetensors_file(path: Path) -> tuple[dict[str, StoredTensor], dict[str, str]]:
    """The tensors and the metadata of one file; raises SourceError."""
    data = mapped(path)
    with damage_named(path, _WHAT):
        header, start = _header(data)
        metadata = header.pop(_METADATA, {})
        if not isinstance(metadata, dict) or any(not isinstance(text, str) for text in metadata.values()):
            raise Malformed("its metadata are not texts")
        tensors = {name: _tensor(name, facts, str(path), start) for name, facts in header.items()}
        _check_cover(tensors, start, len(data))
        return tensors, metadata


def shards_of(path: Path) -> dict[str, Path]:
    """The file of each tensor by an index of shards, every file in the index's folder.

    Raises SourceError for a damaged index, UnsafeInput for a file outside.
    """
    data = mapped(path)
    with damage_named(path, _WHAT_INDEX):
        if len(data) > _LARGEST_INDEX:
            raise Malformed(f"an index of {len(data):,} bytes is none")
        index = _json(data.tobytes())
        names = index.get("weight_map")
        if not isinstance(names, dict) or not names or any(not isinstance(name, str) for name in names.values()):
            raise Malformed("it has no weight_map that names a file for each tensor")
        if len(set(names.values())) > _MOST_SHARDS:
            raise Malformed("it names more shards than a model has")
        files = {name: confined(path.parent, name) for name in dict.fromkeys(names.values())}
    return {tensor: files[name] for tensor, name in cast("dict[str, str]", names).items()}


def read_shards(path: Path) -> dict[str, StoredTensor]:
    """The tensors that an index names, from their shards; every shard must hold exactly those."""
    where = shards_of(path)
    found: dict[str, StoredTensor] = {}
    for shard in dict.fromkeys(where.values()):
        if not shard.exists():
            raise SourceError(
                f"{path} names the shard {shard.name}, which does not exist", fix="fetch it into the folder"
            )
        tensors = read_safetensors_file(shard)[0]
        wanted = {name for name, file in where.items() if file == shard}
        if different := wanted ^ tensors.keys():
            raise SourceError(
                f"{path} and its shard {shard.name} disagree on {len(different)} tensors, "
                f"{min(different)[:80]!r} among them",
                fix="fetch the index and all shards again, of one version",
            )
        found.update(tensors)
    return {name: found[name] for name in where}


def confined(folder: Path, name: str) -> Path:
    """A file by its bare name in a folder; raises Refused for a path, and for a link that leads out of the folder.

    The cache of a model hub is made of links from a snapshot to its neighbour `blobs`, which is the one place allowed.
    """
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name or name[1:2] == ":":
        raise Refused(f"names a file outside of its folder: {name[:80]!r}")
    path = folder / name
    home = folder.resolve()
    target = path.resolve()
    blobs = home.parent.parent / "blobs" if home.parent.name == "snapshots" else home
    if home not in target.parents and blobs not in target.parents:
        raise Refused(f"names a link that leads out of its folder: {name[:80]!r}")
    return path


def _header(data: memoryview) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(LARGEST_HEADER, len(data) - 8):
        raise Malformed(f"its header claims {length} bytes, and {max(len(data) - 8, 0)} follow")
    return _json(data[8 : 8 + length].tobytes()), 8 + length


def _json(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"its JSON cannot be read: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise Malformed("its JSON is no object")
    return cast("dict[str, Any]", found)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _tensor(name: str, facts: Any, file: str, start: int) -> StoredTensor:
    match facts:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(first), int(last)]} if len(facts) == 3:
            pass
        case _:
            raise Malformed(f"the tensor {name[:80]!r} is described in an unknown way")
    if dtype not in _DTYPES:
        raise Malformed(f"the tensor {name[:80]!r} has the unknown dtype {dtype[:20]!r}")
    if any(type(size) is not int or not 0 <= size < 1 << 62 for size in shape) or len(shape) > 64:
        raise Malformed(f"the tensor {name[:80]!r} has an impossible shape")
    sizes = tuple(cast("list[int]", shape))
    place = TensorPlace(file, start + first, last - first)
    tensor = StoredTensor(_DTYPES[dtype], sizes, row_major(sizes), 0, place)
    if first < 0 or last < first or tensor.count * WIDTHS[tensor.dtype] != last - first:
        raise Malformed(f"the tensor {name[:80]!r} claims {last - first} bytes, and its shape says otherwise")
    return tensor


def _check_cover(tensors: dict[str, StoredTensor], start: int, size: int) -> None:
    """The tensors follow each other from the header to the end of the file."""
    position = start
    for place in sorted((tensor.place for tensor in tensors.values()), key=lambda place: (place.offset, place.bytes)):
        if place.offset != position:
            raise Malformed("its tensors overlap or leave a gap")
        position += place.bytes
    if position != size:
        raise Malformed(f"its tensors end at byte {position}, and the file at {size}")
