"""Reads the tensors of an exported program where they lie in the archive, pickled ones inertly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import torch
from torch._export.serde.schema import ScalarType
from torch._export.serde.serialize import _SERIALIZE_TO_TORCH_DTYPE

from ...checkpoints.archives import CheckedZip
from ...checkpoints.contents import Opaque, StoredTensor, Tree, checked
from ...checkpoints.malformed import Malformed
from ...checkpoints.torch_checkpoint import read_torch_checkpoint
from ...errors import UnsafeInput
from .stored_tensors import TensorLoader

_TRUST = "export the model again without it; or, if you trust whoever made the file: --trust-pickle"
_LARGEST_JSON = 512 << 20
_LARGEST_PICKLE = 8 << 30


class ProgramArchive:
    """The members of a .pt2 archive, which share one leading folder; pickles are copied to `scratch` to be read."""

    def __init__(self, archive: CheckedZip, scratch: Path) -> None:
        self._archive = archive
        self._scratch = scratch
        self._loader = TensorLoader()
        folders = {name.partition("/")[0] for name in archive.names()}
        if len(folders) != 1:
            raise Malformed(f"its members lie in {len(folders)} folders, and torch writes one")
        self.prefix = folders.pop() + "/"

    def names(self) -> list[str]:
        """The members below the leading folder."""
        return [name.removeprefix(self.prefix) for name in self._archive.names()]

    def has(self, name: str) -> bool:
        """Whether there is such a member."""
        return self.prefix + name in self._archive.members

    def text(self, name: str) -> str:
        """A short member as text, "" if there is none."""
        return self._archive.read(self.prefix + name, limit=1000).decode("ascii", "replace") if self.has(name) else ""

    def json(self, name: str) -> Any:
        """A member as decoded JSON; raises Malformed."""
        try:
            return json.loads(self._archive.read(self.prefix + name, limit=_LARGEST_JSON))
        except (ValueError, RecursionError) as error:
            raise Malformed(f"its entry {name} is no JSON: {str(error)[:200]}") from error

    def tensors(self, kind: str, model: str) -> dict[str, torch.Tensor]:
        """The weights or constants by name, shared where they share a member; Malformed, UnsafeInput, SourceError."""
        folder = f"data/{kind}/"
        if self.has(f"{folder}{model}.pt"):
            return self._mapping_of_tensors(f"{folder}{model}.pt")
        config = self.json(f"{folder}{model}_{kind}_config.json")
        entries = config.get("config") if isinstance(config, dict) else None
        if not isinstance(entries, dict):
            raise Malformed(f"it does not say where its {kind} are")
        return {name: self._entry(folder, name, entry) for name, entry in entries.items()}

    def examples(self, model: str) -> Any:
        """The example inputs as (args, kwargs), or None if there are none that are tensors and plain values."""
        name = f"data/sample_inputs/{model}.pt"
        if not self.has(name) or not self._archive.members[self.prefix + name].file_size:
            return None
        found = self._loaded(self._tree(name))
        plain = isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], tuple)
        return found if plain and isinstance(found[1], dict) and not _opaque(found) else None

    def _entry(self, folder: str, name: str, entry: Any) -> torch.Tensor:
        match entry:
            case {"path_name": str(file), "use_pickle": bool(pickled)}:
                pass
            case _:
                raise Malformed(f"it does not say where {name[:60]!r} lies")
        if file.startswith(("custom_obj_", "opaque_obj_")):
            raise UnsafeInput(f"the exported program holds an object that torch would unpickle ({name})", fix=_TRUST)
        if pickled:
            tree = self._tree(folder + file)
            if not isinstance(tree, StoredTensor):
                kind = tree.name if isinstance(tree, Opaque) else type(tree).__name__
                raise UnsafeInput(f"the exported program holds {name} as a pickled {kind}", fix=_TRUST)
            return self._loader.tensor(tree)
        return self._loader.tensor(self._stored(folder + file, entry.get("tensor_meta")))

    def _stored(self, name: str, meta: Any) -> StoredTensor:
        match meta:
            case {"dtype": int(code), "sizes": [*sizes], "strides": [*strides], "storage_offset": offset}:
                pass
            case _:
                raise Malformed(f"it does not describe the tensor {name[:60]!r}")
        try:
            dtype = str(_SERIALIZE_TO_TORCH_DTYPE[ScalarType(code)]).removeprefix("torch.")
        except (ValueError, KeyError) as error:
            raise Malformed(f"the tensor {name[:60]!r} is of the unknown type {code}") from error
        shape, steps = tuple(map(_number, sizes)), tuple(map(_number, strides))
        return checked(StoredTensor(dtype, shape, steps, _number(offset), self._archive.place(self.prefix + name)))

    def _mapping_of_tensors(self, name: str) -> dict[str, torch.Tensor]:
        tree = self._tree(name)
        if not isinstance(tree, dict) or not all(isinstance(value, StoredTensor) for value in tree.values()):
            raise UnsafeInput(f"the exported program's {name} holds more than tensors", fix=_TRUST)
        return {str(key): self._loader.tensor(cast("StoredTensor", value)) for key, value in tree.items()}

    def _tree(self, name: str) -> Tree:
        copied = self._scratch / f"{len(list(self._scratch.iterdir()))}.pt"
        copied.write_bytes(self._archive.read(self.prefix + name, limit=_LARGEST_PICKLE))
        return read_torch_checkpoint(copied).root

    def _loaded(self, tree: Tree) -> Any:
        if isinstance(tree, StoredTensor):
            return self._loader.tensor(tree)
        if isinstance(tree, dict):
            return {key: self._loaded(value) for key, value in tree.items()}
        if isinstance(tree, list | tuple):
            return type(tree)(self._loaded(part) for part in tree)
        return tree


def _number(value: Any) -> int:
    match value:
        case {"as_int": int(number)}:
            return number
        case _:
            raise Malformed("a tensor's sizes are no numbers")


def _opaque(value: Any) -> bool:
    if isinstance(value, dict):
        return any(isinstance(key, Opaque) or _opaque(part) for key, part in value.items())
    return isinstance(value, Opaque) or (isinstance(value, list | tuple) and any(map(_opaque, value)))
