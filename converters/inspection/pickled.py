"""Follows the opcodes of a pickle without executing any: globals become names, calls become records of a call.

Opcodes and globals are admitted from a list; anything else is refused. The opcodes are described in `pickletools`.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .malformed import Malformed

Node: TypeAlias = (
    "bool | int | float | str | bytes | Name | Call | Mark | tuple[Node, ...] | list[Node] | dict[object, Node] | None"
)


class Mark:
    """Where the items of a tuple, list or mapping begin on the stack."""


@dataclass(frozen=True, slots=True)
class Name:
    """A global that the pickle mentions: "torch.FloatStorage"."""

    text: str


@dataclass(slots=True)
class Call:
    """What an object would have been built from: a name called with arguments, and the state set on it."""

    callee: Node
    arguments: Node
    state: Node = None
    items: list[tuple[Node, Node]] = field(default_factory=list[tuple[Node, Node]])


class Refused(Exception):
    """The pickle mentions something that is not admitted."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class PickleReader:
    """A stack machine over a pickle's opcodes; `admits` says which globals may be mentioned."""

    def __init__(self, admits: Callable[[str], bool]) -> None:
        self._admits = admits
        self._stack: list[Node] = []
        self._memo: dict[int, Node] = {}
        self._actions: dict[str, Callable[[Any], None]] = {
            "GLOBAL": self._global,
            "STACK_GLOBAL": self._stack_global,
            **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self._put),
            **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), self._get),
            **dict.fromkeys(("REDUCE", "NEWOBJ"), self._call),
            "MEMOIZE": lambda _: self._put(len(self._memo)),
            "MARK": lambda _: self._stack.append(Mark()),
            "TUPLE": lambda _: self._stack.append(tuple(self._since_mark())),
            "TUPLE1": lambda _: self._small_tuple(1),
            "TUPLE2": lambda _: self._small_tuple(2),
            "TUPLE3": lambda _: self._small_tuple(3),
            "BINPERSID": self._persistent,
            "BUILD": self._build,
            "APPENDS": lambda _: self._extend(self._since_mark()),
            "APPEND": lambda _: self._extend([self._stack.pop()]),
            "SETITEMS": lambda _: self._assign(self._since_mark()),
            "SETITEM": lambda _: self._assign([self._stack.pop(), self._stack.pop()][::-1]),
            "POP": lambda _: self._drop(),
        }

    def read(self, data: bytes) -> Node:
        """The object that the pickle describes, as inert nodes; raises Malformed or Refused."""
        try:
            for opcode, argument, _ in pickletools.genops(io.BytesIO(data)):
                if opcode.name == "STOP":
                    return self._stack.pop()
                self._step(opcode.name, argument)
        except (ValueError, IndexError, KeyError, AttributeError, TypeError, EOFError, OverflowError) as error:
            raise Malformed(f"its pickle is damaged: {error}") from error
        raise Malformed("its pickle has no end")

    def _step(self, name: str, argument: Any) -> None:
        if name in _LITERALS:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self._stack.append(_EMPTY[name]())
        elif name in self._actions:
            self._actions[name](argument)
        elif name not in ("PROTO", "FRAME"):
            raise Refused(f"the pickle opcode {name}")

    def _global(self, argument: str) -> None:
        text = argument.replace(" ", ".", 1)
        if not self._admits(text):
            raise Refused(text)
        self._stack.append(Name(text))

    def _stack_global(self, _: object) -> None:
        function, module = self._stack.pop(), self._stack.pop()
        if not isinstance(function, str) or not isinstance(module, str):
            raise TypeError("a global is named by something that is no text")
        self._global(f"{module} {function}")

    def _put(self, argument: object) -> None:
        self._memo[int(str(argument))] = self._stack[-1]

    def _get(self, argument: object) -> None:
        self._stack.append(self._memo[int(str(argument))])

    def _since_mark(self) -> list[Node]:
        items: list[Node] = []
        while not isinstance(item := self._stack.pop(), Mark):
            items.append(item)
        return items[::-1]

    def _small_tuple(self, size: int) -> None:
        if len(self._stack) < size:
            raise IndexError("the stack is empty")
        items = tuple(self._stack[-size:])
        del self._stack[-size:]
        self._stack.append(items)

    def _call(self, _: object) -> None:
        arguments, callee = self._stack.pop(), self._stack.pop()
        self._stack.append(Call(callee, arguments))

    def _persistent(self, _: object) -> None:
        self._stack.append(Call(Name("persistent"), self._stack.pop()))

    def _build(self, _: object) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if not isinstance(target, Call):
            raise TypeError("state is set on something that was not built")
        target.state = state

    def _extend(self, items: list[Node]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise TypeError("items are appended to something that is not a list")
        target.extend(items)

    def _assign(self, items: list[Node]) -> None:
        target = self._stack[-1]
        pairs = list(zip(items[::2], items[1::2], strict=True))
        if isinstance(target, Call):
            target.items.extend(pairs)
        elif isinstance(target, dict):
            target.update(
                (key if isinstance(key, str | int | float | bool) else id(key), value) for key, value in pairs
            )
        else:
            raise TypeError("items are set on something that is not a mapping")

    def _drop(self) -> None:
        self._stack.pop()


_LITERALS = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT BINUNICODE SHORT_BINUNICODE BINUNICODE8 UNICODE"
    " BINBYTES SHORT_BINBYTES BINBYTES8".split()
)
_CONSTANTS: dict[str, Node] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Node]] = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict}
