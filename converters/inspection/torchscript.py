"""Reads a TorchScript archive: a zip of code as text, pickled attributes and raw tensor data; nothing is unpickled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from ..checkpoints.allowed import STORAGES
from ..checkpoints.archives import CheckedZip
from ..checkpoints.contents import WIDTHS, tensors_in
from ..checkpoints.malformed import Malformed, Refused
from ..checkpoints.pickle_machine import Call, Name, Node, PickleReader
from ..checkpoints.torch_zip import read_torch_zip
from ..errors import UnsafeInput
from .checkpoint_tree import tensor_facts
from .findings import Contents, TensorFacts
from .texts import shown
from .torchscript_code import Method, TorchscriptCode, split_types
from .weights import WeightTally, product, ranked

_LARGEST_TEXT = 16 << 20
_LARGEST_TOTAL = 32 << 20
_REBUILD_TENSOR = frozenset({"torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_qtensor"})
_ADMITTED = _REBUILD_TENSOR | {
    *(f"torch.{name}" for name in STORAGES),
    *(f"torch.{name}" for name in ("device", "per_tensor_affine", "per_channel_affine", "Generator")),
    *(f"torch.jit._pickle.build_{kind}list" for kind in ("int", "double", "bool", "tensor")),
    "torch.jit._pickle.restore_type_tag",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_device_tensor_from_numpy",
    "collections.OrderedDict",
}


def read_torchscript(path: Path) -> Contents:
    """Read a TorchScript file; raises Malformed, or UnsafeInput if its pickle asks for anything but tensors."""
    with Archive(path) as archive:
        code = TorchscriptCode(archive.code())
        weights = WeightTally()
        root = _unpickled(path, archive.entry("data.pkl"))
        _tally(root, weights, prefix="data")
        constants = archive.entry("constants.pkl") if archive.has("constants.pkl") else None
        _tally(_unpickled(path, constants) if constants else None, weights, prefix="constants")
        if not isinstance(root, Call) or not isinstance(root.callee, Name):
            raise Malformed("its data.pkl holds no module")
        forward = f"{root.callee.text}.forward"
        inputs, outputs = _signature(code.method(forward))
        return Contents(
            inputs=inputs,
            outputs=outputs,
            operators=ranked(code.operators(forward)),
            weights=weights.total(),
            versions=dict(archive.versions()),
            metadata={"class": root.callee.text, **archive.extra()},
            notes=tuple(archive.notes()),
            tensors=tuple(
                tensor_facts(name, tensor) for name, tensor in tensors_in(read_torch_zip(path, quantized=True).root)
            ),
        )


class Archive:
    """A zip whose entries share one leading folder, read with limits on what unpacks."""

    def __init__(self, path: Path) -> None:
        self._zip = CheckedZip(path)
        self._names = {name.partition("/")[2]: name for name in self._zip.names()}
        self._left = _LARGEST_TOTAL

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.__exit__()

    def has(self, name: str) -> bool:
        """Whether there is such an entry below the leading folder."""
        return name in self._names

    def entry(self, name: str) -> bytes:
        """The content of an entry; raises Malformed when it is damaged, missing or too large."""
        data = self._zip.read(self._names.get(name, name), limit=min(_LARGEST_TEXT, self._left))
        self._left -= len(data)
        return data

    def code(self) -> dict[str, str]:
        """Module name to text, for every file of code."""
        return {
            name.removeprefix("code/").removesuffix(".py").replace("/", "."): _text(self.entry(name))
            for name in self._names
            if name.startswith("code/") and name.endswith(".py")
        }

    def versions(self) -> Iterator[tuple[str, str]]:
        """What the archive says about its own format."""
        for name, label in (("version", "archive version"), (".format_version", "format"), ("byteorder", "byte order")):
            if self.has(name):
                yield label, _text(self.entry(name)[:100]).strip()

    def extra(self) -> dict[str, str]:
        """The extra files that were saved with the module, texts as they are."""
        found: dict[str, str] = {}
        for name in self._names:
            if name.startswith("extra/"):
                found[name.removeprefix("extra/")] = shown(self.entry(name))
        return found

    def notes(self) -> Iterator[str]:
        """What a user should know about the archive."""
        yield "the file does not store the dtypes and shapes of its inputs and outputs"
        if self.has("bytecode.pkl"):
            yield "holds bytecode for PyTorch Mobile's interpreter"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _unpickled(path: Path, data: bytes) -> Node:
    try:
        return PickleReader(lambda name: name in _ADMITTED or name.startswith("__torch__.")).read(data)
    except Refused as error:
        raise UnsafeInput(
            f"{path} {error.what}, which no TorchScript file needs",
            fix="do not load it; get the file again from a source you trust",
        ) from error


def _tally(root: Node, weights: WeightTally, *, prefix: str) -> None:
    """Count every tensor below `root`; objects that are shared are visited once."""
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, Call | tuple | list | dict):
            continue
        seen.add(id(node))
        if isinstance(node, Call):
            if isinstance(node.callee, Name) and node.callee.text in _REBUILD_TENSOR:
                _count_tensor(node, weights, prefix=prefix)
            waiting += [node.arguments, node.state, *(part for pair in node.items or () for part in pair)]
        else:
            waiting += node.values() if isinstance(node, dict) else node


def _count_tensor(node: Call, weights: WeightTally, *, prefix: str) -> None:
    """A tensor is rebuilt from (storage, offset, shape, strides, ...), a storage from (type, key, device, size)."""
    match node.arguments:
        case (Call(arguments=("storage", Name() as kind, str(key), *_)), int(offset), tuple(shape), *_):
            sizes = [size for size in shape if isinstance(size, int)]
            dtype = STORAGES.get(kind.text.removeprefix("torch."), kind.text)
            weights.add((prefix, key, offset, tuple(sizes)), dtype, sizes, product(sizes) * WIDTHS.get(dtype, 1))
        case _:
            raise Malformed("a tensor is described in an unknown way")


def _signature(forward: Method | None) -> tuple[tuple[TensorFacts, ...], tuple[TensorFacts, ...]]:
    if forward is None:
        raise Malformed("its module has no forward method")
    inputs = tuple(TensorFacts(name=name, dtype=_kind(kind), shape=None) for name, kind in forward.parameters)
    outputs = tuple(TensorFacts(name=None, dtype=_kind(part), shape=None) for part in _members(forward.returns))
    return inputs, outputs


def _members(returns: str) -> list[str]:
    """The members of a returned tuple, or the one thing that is returned."""
    return split_types(returns[len("Tuple[") : -1]) if returns.startswith("Tuple[") else [returns]


def _kind(text: str) -> str | None:
    """None for a tensor, whose dtype the file does not say; the type's text for anything else."""
    return None if text in ("", "Tensor") else text
