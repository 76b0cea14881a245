"""What is inside a checkpoint, as plain values: dictionaries, numbers, texts, and tensors by where their bytes lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from .malformed import Malformed

WIDTHS = {
    **dict.fromkeys(
        "bool int8 uint8 qint8 quint8 quint4x2 quint2x4 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz"
        " float8_e8m0fnu float4_e2m1fn_x2 untyped".split(),
        1,
    ),
    **dict.fromkeys("int16 uint16 float16 bfloat16".split(), 2),
    **dict.fromkeys("int32 uint32 qint32 float32 complex32".split(), 4),
    **dict.fromkeys("int64 uint64 float64 complex64".split(), 8),
    "complex128": 16,
}
# Overlapping elements (an expanded tensor) are allowed up to here: beyond, writing one out would fill the memory.
_MOST_OVERLAPPING = 1 << 28


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """Where the bytes of a tensor's storage lie in a file, uncompressed."""

    file: str
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor that was not loaded: `dtype` is torch's name; strides and `storage_offset` count elements."""

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    storage_offset: int
    place: TensorPlace

    @property
    def count(self) -> int:
        """The number of elements."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def bytes(self) -> int:
        """What its elements take in memory, each once."""
        return self.count * WIDTHS[self.dtype]


@dataclass(frozen=True, slots=True)
class Opaque:
    """An object that was not built, because its class is none that we know to be harmless: nothing of it was run.

    `state` holds what it would have been built from, as inert as the rest; it does not count in comparisons.
    """

    name: str
    state: Tree = field(default=None, compare=False, repr=False)


Key: TypeAlias = "str | int | float | bool | bytes | tuple[str | int | float | bool | None, ...] | Opaque | None"
Leaf: TypeAlias = "str | int | float | complex | bool | bytes | StoredTensor | Opaque | None"
Tree: TypeAlias = "dict[Key, Tree] | list[Tree] | tuple[Tree, ...] | Leaf"


@dataclass(frozen=True, slots=True, kw_only=True)
class PickledCheckpoint:
    """What a pickle would have built; `globals` are all names it mentions, `refused` those that are not allowed.

    An object that is stored twice is the same object in `root` as well; `root` never contains itself.
    """

    root: Tree
    globals: tuple[str, ...]
    refused: tuple[str, ...]
    writer: str | None


def checked(tensor: StoredTensor) -> StoredTensor:
    """The tensor, if every element lies in its storage; raises Malformed."""
    sizes = (*tensor.shape, *tensor.strides, tensor.storage_offset)
    whole = all(type(size) is int and 0 <= size < 1 << 62 for size in sizes)  # True is an int, and no size
    if len(tensor.shape) != len(tensor.strides) or not whole:
        raise Malformed(f"a tensor has the shape {_text(tensor.shape)} and the strides {_text(tensor.strides)}")
    if tensor.place.offset < 0 or tensor.place.bytes < 0:
        raise Malformed("a tensor lies outside of the file")
    held = tensor.place.bytes // WIDTHS[tensor.dtype]
    if 0 in tensor.shape:
        return tensor
    last = tensor.storage_offset + sum(
        (size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True)
    )
    if last >= held:
        raise Malformed(f"a tensor {_text(tensor.shape)} reaches to element {last} of a storage of {held}")
    if tensor.count > max(held, _MOST_OVERLAPPING):
        raise Malformed(f"a tensor claims {tensor.count} elements in a storage of {held}")
    return tensor


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a tensor whose elements follow each other."""
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def tensors_in(tree: Tree) -> Iterator[tuple[str, StoredTensor]]:
    """Every tensor below the tree, objects' states included, with its keys joined by dots."""
    waiting: list[tuple[str, Tree]] = [("", tree)]
    while waiting:
        name, node = waiting.pop()
        if isinstance(node, StoredTensor):
            yield name, node
        else:
            waiting += [(f"{name}.{key}" if name else key, part) for key, part in reversed(inner(node))]


def inner(node: Tree) -> list[tuple[str, Tree]]:
    """Those parts of a value that are tensors or have parts themselves: a vocabulary has many that are neither."""
    holders = (dict, list, tuple, StoredTensor, Opaque)
    if isinstance(node, dict):
        return [(_key_text(key), part) for key, part in node.items() if isinstance(part, holders)]
    if isinstance(node, list | tuple):
        return [(str(index), part) for index, part in enumerate(node) if isinstance(part, holders)]
    if isinstance(node, Opaque):
        return [("state", node.state)] if isinstance(node.state, StoredTensor) else inner(node.state)
    return []


def children(node: Tree) -> list[tuple[str, Tree]]:
    """The parts of a value by key or position; those of an object by what its state calls them."""
    if isinstance(node, Opaque):
        return [("state", node.state)] if isinstance(node.state, StoredTensor) else children(node.state)
    if isinstance(node, dict):
        return [(_key_text(key), value) for key, value in node.items()]
    if isinstance(node, list | tuple):
        return [(str(index), value) for index, value in enumerate(node)]
    return []


def _key_text(key: Key) -> str:
    if isinstance(key, Opaque):
        return key.name
    return key if isinstance(key, str) else repr(key)


def _text(sizes: tuple[int, ...]) -> str:
    # Numbers of thousands of digits are not worth printing, and Python refuses to.
    return "x".join(str(size) if abs(size) < 1 << 63 else "?" for size in sizes[:8]) or "scalar"
