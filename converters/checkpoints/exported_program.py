"""Reads what torch.export.save wrote: tables of weights, signature and operators as JSON, without torch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .archives import CheckedZip
from .contents import WIDTHS, StoredTensor, checked
from .malformed import Malformed
from .opening import damage_named
from .torch_zip import TorchArchive, read_torch_zip

WHAT = "torch exported program"
_WEIGHTS = "data/weights/"
_CONSTANTS = "data/constants/"
# Of torch/_export/serde/schema.py: ScalarType.
_DTYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64", 9: "complex32",
    10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16", 28: "uint16", 29: "float8_e4m3fn",
    30: "float8_e5m2", 31: "float8_e4m3fnuz", 32: "float8_e5m2fnuz",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProgramTensor:
    """An input or output: None in `shape` is a size that is not fixed."""

    name: str
    dtype: str | None
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedProgramFile:
    """What the archive says; `globals` are the names that its pickles mention, example inputs and the like."""

    version: str | None
    schema: str
    tensors: dict[str, StoredTensor]
    inputs: tuple[ProgramTensor, ...]
    outputs: tuple[ProgramTensor, ...]
    operators: dict[str, int]
    globals: tuple[str, ...]
    refused: tuple[str, ...]


def read_exported_program(path: Path) -> ExportedProgramFile:
    """The program without its values; raises SourceError, UnsafeInput for an archive that leaves its folder."""
    with damage_named(path, WHAT), CheckedZip(path) as archive:
        if "serialized_exported_program.json" in archive.names():
            raise Malformed("it was written by torch 2.6 or older, whose programs are not read: export it again")
        try:
            return _read(archive)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Malformed(f"its tables contradict each other: {type(error).__name__} {str(error)[:100]}") from error


def _read(archive: CheckedZip) -> ExportedProgramFile:
    torch_archive = TorchArchive(archive)
    inner = [name.removeprefix(torch_archive.prefix) for name in archive.names()]
    models = [name for name in inner if name.startswith("models/") and name.endswith(".json")]
    if not models:
        raise Malformed("it holds no program")
    pickles = [
        read_torch_zip(archive.path, data=torch_archive.read(name))
        for name in inner
        if name.endswith(".pt") and torch_archive.read(name)
    ]
    program = _json(torch_archive, models[0])
    graph = program["graph_module"]["graph"]
    values = graph.get("tensor_values") or {}
    signature = program["graph_module"]["signature"]
    version = program.get("torch_version")
    return ExportedProgramFile(
        version=version if isinstance(version, str) else None,
        schema=".".join(str(part) for part in (program.get("schema_version") or {}).values()),
        tensors={
            **_tensors(archive, torch_archive, _WEIGHTS, "model_weights_config.json"),
            **_tensors(archive, torch_archive, _CONSTANTS, "model_constants_config.json"),
        },
        inputs=tuple(_ends(signature["input_specs"], "user_input", values)),
        outputs=tuple(_ends(signature["output_specs"], "user_output", values)),
        operators=dict(Counter(_operator(node["target"]) for node in graph["nodes"])),
        globals=_names(found.globals for found in pickles),
        refused=_names(found.refused for found in pickles),
    )


def _json(archive: TorchArchive, name: str) -> dict[str, Any]:
    try:
        found = json.loads(archive.read(name))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"its entry {name} is no JSON: {str(error)[:100]}") from error
    if not isinstance(found, dict):
        raise Malformed(f"its entry {name} is no JSON object")
    return found


def _tensors(archive: CheckedZip, torch_archive: TorchArchive, folder: str, table: str) -> dict[str, StoredTensor]:
    """The tensors that a table places in the folder's entries; what it says is pickled is left out."""
    if not torch_archive.has(folder + table):
        return {}
    found: dict[str, StoredTensor] = {}
    for name, entry in _json(torch_archive, folder + table)["config"].items():
        facts = entry.get("tensor_meta")
        if entry.get("use_pickle") or not facts or not torch_archive.has(folder + entry["path_name"]):
            continue
        dtype = _DTYPES.get(facts["dtype"])
        if dtype is None or dtype not in WIDTHS:
            raise Malformed(f"the tensor {name[:80]!r} has the unknown dtype {str(facts['dtype'])[:20]}")
        place = archive.place(f"{torch_archive.prefix}{folder}{entry['path_name']}")
        shape, strides = (_fixed(facts[key]) for key in ("sizes", "strides"))
        found[name] = checked(StoredTensor(dtype, shape, strides, _fixed([facts["storage_offset"]])[0], place))
    return found


def _fixed(sizes: Any) -> tuple[int, ...]:
    found = tuple(size["as_int"] for size in sizes)
    if any(type(size) is not int for size in found):
        raise Malformed("a tensor's size is no number")
    return found


def _ends(specs: Any, kind: str, values: Any) -> list[ProgramTensor]:
    names = [spec[kind]["arg"].get("as_tensor", {}).get("name") for spec in specs if kind in spec]
    return [_end(name, values.get(name)) if isinstance(name, str) else ProgramTensor("", None, None) for name in names]


def _end(name: str, facts: Any) -> ProgramTensor:
    if facts is None:
        return ProgramTensor(name, None, None)
    sizes = tuple(size.get("as_int") for size in facts["sizes"])
    return ProgramTensor(name, _DTYPES.get(facts["dtype"]), sizes)


def _names(found: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in found for name in names))


def _operator(target: Any) -> str:
    return str(target).removeprefix("torch.ops.")[:200]
