"""Follows the opcodes of a pickle without executing any: globals become names, calls become records of a call.

What is built is inert whatever the pickle says; `admits` may refuse globals beyond that. The opcodes are described in
`pickletools`.
"""

from __future__ import annotations

import io
import mmap
import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, TypeAlias, cast

from .malformed import Malformed, Refused

Node: TypeAlias = (
    "bool | int | float | str | bytes | Name | Call | Mark | tuple[Node, ...] | list[Node] | dict[object, Node] | None"
)
_MOST_OPCODES = 3_000_000
_DAMAGE = (
    ValueError,
    IndexError,
    KeyError,
    AttributeError,
    TypeError,
    EOFError,
    OverflowError,
    struct.error,
    SyntaxError,  # what the standard library says of a badly escaped text
)


class Mark:
    """Where the items of a tuple, list or mapping begin on the stack."""


@dataclass(frozen=True, slots=True)
class Name:
    """A global that the pickle mentions: "torch.FloatStorage"."""

    text: str


@dataclass(slots=True, eq=False)
class Call:
    """What an object would have been built from: a name called with arguments, the state set on it, its items."""

    callee: Node
    arguments: Node
    state: Node = None
    items: list[tuple[Node, Node]] | None = None
    appended: list[Node] | None = None


PERSISTENT = Name("persistent")
_MARK = Mark()


def admit_all(_: str) -> bool:
    """Every global may be mentioned: it becomes a name, and nothing else."""
    return True


def admit_none(_: str) -> bool:
    """Plain values alone."""
    return False


class PickleReader:
    """A stack machine over a pickle's opcodes; `admits` says which globals may be mentioned.

    `names` are the globals that were met, in order; `persistent` what was stored outside of the pickle.
    """

    def __init__(self, admits: Callable[[str], bool]) -> None:
        self.names: dict[str, None] = {}
        self.persistent: list[Call] = []
        self._admits = admits
        self._stack: list[Node] = []
        self._memo: dict[int, Node] = {}
        self._actions: dict[str, Callable[[Any], None]] = {
            **dict.fromkeys(_LITERALS, self._stack.append),
            **dict.fromkeys(("PROTO", "FRAME"), lambda _: None),
            "NONE": lambda _: self._stack.append(None),
            "NEWTRUE": lambda _: self._stack.append(True),
            "NEWFALSE": lambda _: self._stack.append(False),
            "EMPTY_TUPLE": lambda _: self._stack.append(()),
            "EMPTY_LIST": lambda _: self._stack.append([]),
            "EMPTY_DICT": lambda _: self._stack.append({}),
            "EMPTY_SET": lambda _: self._stack.append(Call(Name("builtins.set"), ())),
            "FROZENSET": lambda _: self._stack.append(Call(Name("builtins.frozenset"), (self._since_mark(),))),
            "BYTEARRAY8": lambda data: self._stack.append(Call(Name("builtins.bytearray"), (data,))),
            "GLOBAL": self._global,
            "STACK_GLOBAL": self._stack_global,
            **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self._put),
            **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), self._get),
            **dict.fromkeys(("REDUCE", "NEWOBJ"), self._call),
            "NEWOBJ_EX": self._call_with_keywords,
            "INST": self._instance,
            "OBJ": self._object,
            "MEMOIZE": lambda _: self._put(len(self._memo)),
            "MARK": lambda _: self._stack.append(_MARK),
            "TUPLE": lambda _: self._stack.append(tuple(self._since_mark())),
            "TUPLE1": lambda _: self._small_tuple(1),
            "TUPLE2": lambda _: self._small_tuple(2),
            "TUPLE3": lambda _: self._small_tuple(3),
            "LIST": lambda _: self._stack.append(self._since_mark()),
            "DICT": self._mapping,
            "PERSID": self._reference,
            "BINPERSID": lambda _: self._reference(self._pop()),
            "BUILD": self._build,
            **dict.fromkeys(("APPENDS", "ADDITEMS"), lambda _: self._extend(self._since_mark())),
            "APPEND": lambda _: self._extend([self._pop()]),
            "SETITEMS": lambda _: self._assign(self._since_mark()),
            "SETITEM": lambda _: self._assign([self._pop(), self._pop()][::-1]),
            "POP": lambda _: self._drop(),
            "POP_MARK": lambda _: self._drop_to_mark(),
            "DUP": lambda _: self._stack.append(self._stack[-1]),
        }

    def read(self, data: bytes | mmap.mmap) -> Node:
        """The object that the pickle describes, as inert nodes; of a map, from where it stands to the pickle's end.

        Raises Malformed or Refused.
        """
        stream = io.BytesIO(data) if isinstance(data, bytes) else cast("IO[bytes]", data)
        try:
            for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
                if opcode.name == "STOP":
                    return self._pop()
                if count > _MOST_OPCODES:
                    raise Malformed(f"its pickle has more than {_MOST_OPCODES:,} steps")
                self._step(opcode.name, argument)
        except _DAMAGE as error:
            raise Malformed(f"its pickle is damaged: {_short(error)}") from error
        raise Malformed("its pickle has no end")

    def _step(self, name: str, argument: Any) -> None:
        action = self._actions.get(name)
        if action is None:
            raise Refused(f"asks its reader for the pickle opcode {name}")
        action(argument)

    def _pop(self) -> Node:
        node = self._stack.pop()
        if node is _MARK:
            raise IndexError("a value is missing")
        return node

    def _name(self, text: str) -> Name:
        if not self._admits(text):
            raise Refused(f"asks its reader for {text[:200]}")
        self.names[text] = None
        return Name(text)

    def _global(self, argument: str) -> None:
        self._stack.append(self._name(argument.replace(" ", ".", 1)))

    def _stack_global(self, _: object) -> None:
        function, module = self._pop(), self._pop()
        if not isinstance(function, str) or not isinstance(module, str):
            raise TypeError("a global is named by something that is no text")
        self._global(f"{module} {function}")

    def _put(self, argument: object) -> None:
        if self._stack[-1] is _MARK:
            raise IndexError("a value is missing")
        self._memo[int(str(argument))] = self._stack[-1]

    def _get(self, argument: object) -> None:
        self._stack.append(self._memo[int(str(argument))])

    def _since_mark(self) -> list[Node]:
        items: list[Node] = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _small_tuple(self, size: int) -> None:
        self._stack.append(tuple([self._pop() for _ in range(size)][::-1]))

    def _mapping(self, _: object) -> None:
        items = self._since_mark()
        self._stack.append({})
        self._assign(items)

    def _call(self, _: object) -> None:
        arguments, callee = self._pop(), self._pop()
        self._stack.append(Call(callee, arguments))

    def _call_with_keywords(self, _: object) -> None:
        keywords, arguments, callee = self._pop(), self._pop(), self._pop()
        self._stack.append(Call(callee, (arguments, keywords)))

    def _instance(self, argument: str) -> None:
        arguments = tuple(self._since_mark())
        self._stack.append(Call(self._name(argument.replace(" ", ".", 1)), arguments))

    def _object(self, _: object) -> None:
        callee, *arguments = self._since_mark()
        self._stack.append(Call(callee, tuple(arguments)))

    def _reference(self, key: Node) -> None:
        call = Call(PERSISTENT, key)
        self.persistent.append(call)
        self._stack.append(call)

    def _build(self, _: object) -> None:
        state, target = self._pop(), self._stack[-1]
        if not isinstance(target, Call):
            raise TypeError("state is set on something that was not built")
        target.state = state

    def _extend(self, items: list[Node]) -> None:
        target = self._stack[-1]
        if isinstance(target, Call):
            target.appended = target.appended or []
            target.appended.extend(items)
        elif isinstance(target, list):
            target.extend(items)
        else:
            raise TypeError("items are appended to something that is not a list")

    def _assign(self, items: list[Node]) -> None:
        target = self._stack[-1]
        pairs = list(zip(items[::2], items[1::2], strict=True))
        if isinstance(target, Call):
            target.items = target.items or []
            target.items.extend(pairs)
        elif isinstance(target, dict):
            target.update((_key(key), value) for key, value in pairs)
        else:
            raise TypeError("items are set on something that is not a mapping")

    def _drop(self) -> None:
        self._stack.pop()

    def _drop_to_mark(self) -> None:
        self._since_mark()


class OtherKey:
    """A key of a mapping that is no plain value: hashing it could take for ever, so it is looked up by identity."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node


def _key(node: Node) -> object:
    return node if isinstance(node, str | int | float | bytes | None) else OtherKey(node)


def _short(error: Exception) -> str:
    text = str(error)
    return text if len(text) < 200 else f"{text[:200]}..."


_LITERALS = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT BINUNICODE SHORT_BINUNICODE BINUNICODE8 UNICODE"
    " BINBYTES SHORT_BINBYTES BINBYTES8 STRING BINSTRING SHORT_BINSTRING".split()
)
