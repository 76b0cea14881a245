"""Follows the opcodes of a pickle without executing any: globals become names, calls become records of a call.

Opcodes and globals are admitted from a list; anything else is refused. The opcodes are described in `pickletools`.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field

from .malformed import Malformed

Node = object
_MARK = object()


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

    def _step(self, name: str, argument: object) -> None:
        if name in _LITERALS:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self._stack.append(_EMPTY[name]())
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        elif name not in ("PROTO", "FRAME"):
            raise Refused(f"the pickle opcode {name}")

    def _global(self, argument: object) -> None:
        text = str(argument).replace(" ", ".", 1)
        if not self._admits(text):
            raise Refused(text)
        self._stack.append(Name(text))

    def _stack_global(self, _: object) -> None:
        function, module = self._stack.pop(), self._stack.pop()
        self._global(f"{module} {function}")

    def _put(self, argument: object) -> None:
        self._memo[int(str(argument))] = self._stack[-1]

    def _memoize(self, _: object) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _get(self, argument: object) -> None:
        self._stack.append(self._memo[int(str(argument))])

    def _mark(self, _: object) -> None:
        self._stack.append(_MARK)

    def _since_mark(self) -> list[Node]:
        items: list[Node] = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _tuple(self, argument: object) -> None:
        self._stack.append(tuple(self._since_mark()))

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

    def _setitem(self, _: object) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._assign([key, value])

    def _append(self, _: object) -> None:
        item = self._stack.pop()
        self._extend([item])

    def _pop(self, _: object) -> None:
        self._stack.pop()


_LITERALS = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT BINUNICODE SHORT_BINUNICODE BINUNICODE8 UNICODE"
    " BINBYTES SHORT_BINBYTES BINBYTES8".split()
)
_CONSTANTS: dict[str, Node] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Node]] = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict}
_ACTIONS: dict[str, Callable[[PickleReader, object], None]] = {
    "GLOBAL": PickleReader._global,
    "STACK_GLOBAL": PickleReader._stack_global,
    "PUT": PickleReader._put,
    "BINPUT": PickleReader._put,
    "LONG_BINPUT": PickleReader._put,
    "MEMOIZE": PickleReader._memoize,
    "GET": PickleReader._get,
    "BINGET": PickleReader._get,
    "LONG_BINGET": PickleReader._get,
    "MARK": PickleReader._mark,
    "TUPLE": PickleReader._tuple,
    "TUPLE1": lambda reader, _: reader._small_tuple(1),
    "TUPLE2": lambda reader, _: reader._small_tuple(2),
    "TUPLE3": lambda reader, _: reader._small_tuple(3),
    "REDUCE": PickleReader._call,
    "NEWOBJ": PickleReader._call,
    "BINPERSID": PickleReader._persistent,
    "BUILD": PickleReader._build,
    "APPENDS": lambda reader, _: reader._extend(reader._since_mark()),
    "APPEND": PickleReader._append,
    "SETITEMS": lambda reader, _: reader._assign(reader._since_mark()),
    "SETITEM": PickleReader._setitem,
    "POP": PickleReader._pop,
}
