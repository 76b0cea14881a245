"""Counts the operators that TorchScript's code calls, by following its text from the forward method.

The text is what torch's own printer writes, and is searched, never run: `torch.NAME(...)` is the operator aten::NAME,
`ops.NS.NAME(...)` is NS::NAME, `(conv).forward(...)` a submodule, `__torch__.a.b(...)` a function of the archive, also
by way of a variable. Those are followed, so a module that is used twice counts twice. Loops and branches count once:
how often they run is not in the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..checkpoints.malformed import Malformed

_DEEPEST = 150
_MOST_CALLS = 1 << 40
_BLOCK_START = re.compile(r"^(?=class |def |  def )", re.MULTILINE)
_CLASS = re.compile(r"class (\w+)")
_ATTRIBUTE = re.compile(r'^  (?:(\w+) : |__annotations__\["([^"]*)"\] = )([\w.]+)$', re.MULTILINE)
_DEFINITION = re.compile(r" *def (\w+)\(")
# An attribute, seen from a variable: `self.conv`, `getattr(self.blocks, "0")`, and the one inside the other. Here and
# below nothing can match from two starts over the same text, so that the time stays linear in its length.
_PATH = r'(?:getattr\(){0,16}[A-Za-z_][\w.]*+(?:,\ "[^"()\n]*+"\)[\w.]*+)*+'
_GETATTR_END = re.compile(r', "([^"]*)"\)')
_TOKEN = re.compile(
    rf"""
    ^\ *+(?P<variable>\w+)\ =\ (?P<value>{_PATH})$
    | \((?P<owner>{_PATH})\)\.(?P<method>\w+)\(
    | (?<![\w.])torch\.(?P<aten>\w+)\(
    | (?<![\w.])ops\.(?P<namespace>\w+)\.(?P<operator>\w+)\(
    | (?<![\w.])(?P<function>__torch__[\w.]++)\(
    | (?<![\w.])(?P<local>\w++)\(
    | "(?:[^"\\\n]|\\.)*+"?
    """,
    re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method or function: parameters as (name, type), without self; the returned type; the text of its body."""

    parameters: tuple[tuple[str, str], ...]
    returns: str
    body: str


class TorchscriptCode:
    """The methods of an archive by qualified name, "__torch__.net.Net.forward"."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """`sources` maps "__torch__.net" to the text of code/__torch__/net.py; raises Malformed."""
        self._methods: dict[str, Method] = {}
        self._attributes: dict[str, dict[str, str]] = {}
        self._counted: dict[str, Counter[str]] = {}
        for module, text in sources.items():
            self._read(module, text)

    def method(self, name: str) -> Method | None:
        """The method of that qualified name, or None."""
        return self._methods.get(name)

    def operators(self, name: str, *, depth: int = 0) -> Counter[str]:
        """How many places below the method `name` call each operator; raises Malformed."""
        if name in self._counted:
            return self._counted[name]
        method = self._methods.get(name)
        if method is None:
            return Counter()
        if depth > _DEEPEST:
            raise Malformed(f"its modules are nested more than {_DEEPEST} deep")
        self._counted[name] = Counter()  # A method that reaches itself adds nothing the second time.
        types = {"self": name.rpartition(".")[0]}
        counts: Counter[str] = Counter()
        for token in _TOKEN.finditer(method.body):
            if token["aten"]:
                counts[f"aten::{token['aten']}"] += 1
            elif token["operator"]:
                counts[f"{token['namespace']}::{token['operator']}"] += 1
            elif token["variable"]:
                types[token["variable"]] = self._type_of(token["value"], types)
            elif callee := self._callee(token, types):
                counts.update(self.operators(callee, depth=depth + 1))
        if counts.total() > _MOST_CALLS:
            raise Malformed("its modules call each other beyond measure")
        self._counted[name] = counts
        return counts

    def _read(self, module: str, text: str) -> None:
        owner = module
        for block in _BLOCK_START.split(text):
            if block.startswith("class "):
                found = _CLASS.match(block)
                owner = f"{module}.{found[1]}" if found else module
                self._attributes[owner] = {plain or quoted: kind for plain, quoted, kind in _ATTRIBUTE.findall(block)}
            elif block.lstrip(" ").startswith("def "):
                name, method = _method(module, block)
                self._methods[f"{owner if block.startswith(' ') else module}.{name}"] = method

    def _callee(self, token: re.Match[str], types: Mapping[str, str]) -> str:
        """The method or function of the archive that a token calls, "" if it calls none."""
        if token["owner"]:
            return f"{self._type_of(token['owner'], types)}.{token['method']}"
        return token["function"] or types.get(token["local"], "")

    def _type_of(self, path: str, types: Mapping[str, str]) -> str:
        """The class of what a path of attributes leads to, a function's own name, "" where it is neither."""
        if path in self._methods:
            return path
        names = _GETATTR_END.sub(r".\1", path).replace("getattr(", "").split(".")
        kind = types.get(names[0], "")
        for name in names[1:]:
            kind = self._attributes.get(kind, {}).get(name, "")
        return kind


def _method(module: str, block: str) -> tuple[str, Method]:
    found = _DEFINITION.match(block)
    middle = block.find(") -> ")
    end = block.find(":\n", middle)
    if found is None or middle < 0 or end < 0:
        raise Malformed(f"the code of {module} cannot be read near {block.strip()[:40]!r}")
    pairs = [part.partition(":")[::2] for part in split_types(block[found.end() : middle]) if part]
    parameters = tuple((name.strip(), kind.partition("=")[0].strip()) for name, kind in pairs if name.strip() != "self")
    return found[1], Method(parameters=parameters, returns=block[middle + 5 : end], body=block[end + 2 :])


def split_types(text: str) -> list[str]:
    """The parts between the commas that stand outside of every bracket."""
    parts: list[list[str]] = [[]]
    depth = 0
    for piece in re.split(r"([\[\](),])", text):
        depth += (piece in ("[", "(")) - (piece in ("]", ")"))
        if piece == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(piece)
    return ["".join(part).strip() for part in parts]
