"""From the inert nodes of a pickle to plain values: tensors by their places, dictionaries, numbers, opaque objects."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol, cast

from . import allowed
from .contents import WIDTHS, Key, Opaque, StoredTensor, TensorPlace, Tree, checked
from .malformed import Malformed
from .pickle_machine import PERSISTENT, Call, Mark, Name, Node, OtherKey

_DEEPEST = 80
_MOST_VALUES = 3_000_000
_LONGEST_KEY = 16
_BUILT_BY = frozenset({"copyreg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__"})
_NUMPY_SCALARS = {"f8": "d", "f4": "f", "f2": "e", "b1": "?", "i1": "b", "u1": "B"} | {
    f"{sign}{width}": letter
    for width, signed, unsigned in ((2, "h", "H"), (4, "i", "I"), (8, "q", "Q"))
    for sign, letter in (("i", signed), ("u", unsigned))
}
_SHARED_BYTES = ("quint4x2", "quint2x4")
_METADATA_OF_VIEW = ("conj", "neg")


@dataclass(frozen=True, slots=True)
class Storage:
    """A tensor's storage as the pickle refers to it; `dtype` is "untyped" where the tensor says it."""

    dtype: str
    place: TensorPlace | None
    offset: int = 0


class Storages(Protocol):
    """Finds what a pickle stored outside of itself."""

    def find(self, key: Node) -> Storage | StoredTensor | Node:
        """What a persistent id stands for; raises Malformed."""
        ...


class TreeBuilder:
    """Turns nodes into values; a node that is met twice becomes the same value, one that holds itself is cut."""

    def __init__(self, storages: Storages, *, quantized: bool = False) -> None:
        """`quantized` takes tensors of integers with a scale for tensors as well, by their integers."""
        self._storages = storages
        self._tensors = allowed.REBUILD_TENSOR | ({allowed.REBUILD_QUANTIZED} if quantized else set())
        self._done: dict[int, tuple[Tree, int]] = {}
        self._kept: list[Node] = []  # what was built from, alive, so that no other node gets its id
        self._open: set[int] = set()
        self._depth = 0

    def build(self, root: Node) -> Tree:
        """The value of the whole pickle; raises Malformed."""
        return self._value(root)[0]

    def _value(self, node: Node) -> tuple[Tree, int]:
        """A value, and how many values it holds when each is counted as often as it is met."""
        if node is None or isinstance(node, str | int | float | bytes):
            return node, 1
        if isinstance(node, Mark):
            raise Malformed("its pickle is damaged: a value is missing")
        if isinstance(node, Name):
            return Opaque(allowed.plain_name(node.text)), 1
        known = self._done.get(id(node))
        if known is not None:
            return known
        if id(node) in self._open:
            return Opaque("a reference to what holds it"), 1
        return self._entered(node)

    def _entered(self, node: Call | tuple[Node, ...] | list[Node] | dict[object, Node]) -> tuple[Tree, int]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Malformed(f"its pickle is nested more than {_DEEPEST} deep")
        self._open.add(id(node))
        found = self._call(node) if isinstance(node, Call) else self._container(node)
        if found[1] > _MOST_VALUES:
            raise Malformed(f"its pickle holds more than {_MOST_VALUES:,} values")
        self._open.discard(id(node))
        self._depth -= 1
        self._done[id(node)] = found
        self._kept.append(node)
        return found

    def _container(self, node: tuple[Node, ...] | list[Node] | dict[object, Node]) -> tuple[Tree, int]:
        if isinstance(node, dict):
            return self._mapping(list(node.items()))
        parts = [self._value(part) for part in node]
        values = [value for value, _ in parts]
        size = 1 + sum(count for _, count in parts)
        return (values if isinstance(node, list) else tuple(values)), size

    def _mapping(self, items: list[tuple[object, Node]]) -> tuple[dict[Key, Tree], int]:
        found: dict[Key, Tree] = {}
        total = 1
        for key, node in items:
            value, size = self._value(node)
            found[self._key(key, found)] = value
            total += size
        return found, total

    def _key(self, key: object, taken: dict[Key, Tree]) -> Key:
        node = cast("Node", key.node if isinstance(key, OtherKey) else key)
        if node is None or isinstance(node, str | int | float | bytes):
            return node
        value = self._value(node)[0]
        if isinstance(value, tuple) and len(value) <= _LONGEST_KEY:
            parts = tuple(part for part in value if part is None or isinstance(part, str | int | float))
            if len(parts) == len(value):
                return parts
        name = value.name if isinstance(value, Opaque) else type(value).__name__
        return Opaque(name if Opaque(name) not in taken else f"{name} ({len(taken)})")

    def _call(self, node: Call) -> tuple[Tree, int]:
        if node.callee is PERSISTENT:
            return self._reference(node)
        name = self._name_of(node.callee)
        if name in _BUILT_BY and isinstance(node.arguments, tuple) and node.arguments:
            return self._opaque(self._name_of(node.arguments[0]), node)
        if isinstance(node.arguments, tuple):
            built = self._known(name, node, node.arguments)
            if built is not None:
                return built
        return self._opaque(name, node)

    def _name_of(self, callee: Node) -> str:
        if isinstance(callee, Call) and callee.callee is PERSISTENT:
            found = self._storages.find(callee.arguments)  # a class that was stored with its source
            callee = found if isinstance(found, Name) else None
        return allowed.plain_name(callee.text) if isinstance(callee, Name) else "a call of a call"

    def _known(self, name: str, node: Call, arguments: tuple[Node, ...]) -> tuple[Tree, int] | None:
        """The value of a call that stands for a tensor or plain data; None for any other."""
        if name in allowed.MAPPINGS:
            return self._as_mapping(node, arguments)
        if name in self._tensors or name == allowed.REBUILD_TENSOR_V3:
            return self._tensor(name, arguments)
        if name in allowed.REBUILD_PARAMETER and arguments:
            return self._value(arguments[0])
        if name == allowed.REBUILD_FROM_TYPE:
            return self._from_type(arguments)
        if name == allowed.SIZE and len(arguments) == 1:
            return self._value(tuple(arguments[0]) if isinstance(arguments[0], list) else arguments[0])
        plain = _plain(name, arguments)
        return None if plain is None else (plain, 1)

    def _as_mapping(self, node: Call, arguments: tuple[Node, ...]) -> tuple[Tree, int] | None:
        """An OrderedDict and its like; older pickles hand over the items as a list of pairs."""
        items: list[tuple[object, Node]] = []
        for argument in arguments:
            if isinstance(argument, dict):
                items += argument.items()
            elif isinstance(argument, list | tuple):
                pairs = [pair for pair in argument if isinstance(pair, list | tuple) and len(pair) == 2]
                if len(pairs) != len(argument):
                    return None
                items += [(OtherKey(pair[0]), pair[1]) for pair in pairs]
        return self._mapping(items + [(OtherKey(key), value) for key, value in node.items or ()])

    def _opaque(self, name: str, node: Call) -> tuple[Tree, int]:
        state, size = self._state_of(node)
        return Opaque(name, state), size + 1

    def _state_of(self, node: Call) -> tuple[Tree, int]:
        if node.items is not None:
            return self._mapping([(OtherKey(key), value) for key, value in node.items])
        if node.appended is not None:
            return self._value(node.appended)
        state = node.state
        if isinstance(state, tuple) and len(state) == 2 and state[0] is None:
            state = state[1]  # how an object with __slots__ stores them
        return self._value(node.arguments if state is None else state)

    def _reference(self, node: Call) -> tuple[Tree, int]:
        found = self._storages.find(node.arguments)
        if isinstance(found, Storage):
            return Opaque("a storage without its tensor"), 1
        return (found, 1) if isinstance(found, StoredTensor) else self._value(found)

    def _from_type(self, arguments: tuple[Node, ...]) -> tuple[Tree, int] | None:
        """A tensor with attributes or of a subclass: (rebuild function, type, its arguments, state)."""
        match arguments:
            case (Name() as rebuild, Name() as kind, tuple() as inner, *_):
                if allowed.plain_name(kind.text) in allowed.TENSOR_TYPES:
                    return self._known(allowed.plain_name(rebuild.text), Call(rebuild, inner), inner)
                return self._opaque(allowed.plain_name(kind.text), Call(rebuild, inner))
            case _:
                return None

    def _tensor(self, name: str, arguments: tuple[Node, ...]) -> tuple[Tree, int]:
        """A tensor is rebuilt from (storage, offset, shape, strides, ...)."""
        match arguments:
            case (Call() as reference, int(offset), (list() | tuple() | Call()) as shape, tuple() as strides, *rest):
                storage = self._storages.find(reference.arguments) if reference.callee is PERSISTENT else None
            case _:
                raise Malformed("a tensor is described in an unknown way")
        if not isinstance(storage, Storage):
            raise Malformed("a tensor is described in an unknown way")
        dtype = _dtype_in(rest) if name == allowed.REBUILD_TENSOR_V3 else storage.dtype
        if storage.place is None:
            return Opaque("a tensor without data (on the device meta)"), 1
        if dtype in _SHARED_BYTES:
            return Opaque("a tensor of several integers a byte"), 1
        metadata = rest[-1] if len(rest) > 2 else None
        if isinstance(metadata, dict) and any(metadata.get(key) for key in _METADATA_OF_VIEW):
            return Opaque("a view of a tensor (conjugated or negated)"), 1
        if dtype == "untyped":
            raise Malformed("a tensor has no dtype")
        tensor = StoredTensor(dtype, _sizes(shape), _sizes(strides), storage.offset + offset, storage.place)
        return checked(tensor), 1


def _sizes(node: Node) -> tuple[int, ...]:
    if isinstance(node, Call) and node.callee == Name(allowed.SIZE) and isinstance(node.arguments, tuple):
        node = node.arguments[0] if node.arguments else ()
    if not isinstance(node, list | tuple):
        raise Malformed("a tensor's sizes are no numbers")
    sizes = tuple(size for size in node if isinstance(size, int))
    if len(sizes) != len(node):
        raise Malformed("a tensor's sizes are no numbers")
    return sizes


def _dtype_in(rest: list[Node]) -> str:
    named = [allowed.DTYPE_OF_NAME.get(node.text) for node in rest if isinstance(node, Name)]
    if not named or named[0] is None or named[0] not in WIDTHS:
        raise Malformed("a tensor has an unknown dtype")
    return named[0]


def _plain(name: str, arguments: tuple[Node, ...]) -> Tree:
    """A number or bytes that a pickle spells as a call; None for anything else."""
    match name, arguments:
        case allowed.COMPLEX, (int() | float() as real, int() | float() as imaginary):
            return complex(real, imaginary)
        case allowed.ENCODED_BYTES, (str(text), "latin1" | "latin-1" | "utf-8" as encoding):
            return _encoded(text, encoding)
        case _, (Call() as dtype, data) if name in allowed.NUMPY_SCALAR:
            return _numpy_scalar(dtype, data)
        case _:
            return None


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise Malformed("bytes are stored as a text that is none") from error


def _numpy_scalar(dtype: Call, data: Node) -> Tree:
    """A numpy number from dtype("f8") and its bytes; the dtype's state says the byte order second."""
    if isinstance(data, Call) and isinstance(data.callee, Name) and isinstance(data.arguments, tuple):
        data = cast("Node", _plain(allowed.plain_name(data.callee.text), data.arguments))
    if not isinstance(dtype.arguments, tuple) or not dtype.arguments or not isinstance(data, bytes):
        return None
    letter = _NUMPY_SCALARS.get(dtype.arguments[0]) if isinstance(dtype.arguments[0], str) else None
    order = dtype.state[1] if isinstance(dtype.state, tuple) and len(dtype.state) > 1 else "<"
    layout = f"{'>' if order == '>' else '<'}{letter}"
    if letter is None or struct.calcsize(layout) != len(data):
        return None
    return cast("Tree", struct.unpack(layout, data)[0])
