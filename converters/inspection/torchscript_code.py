"""Counts the operators that TorchScript's code calls, by following its text from the forward method.

The code is parsed as Python and never run. `torch.NAME(...)` is the operator aten::NAME, `ops.NS.NAME(...)` is
NS::NAME; calls of submodules and of functions in the archive are followed, so a module used twice counts twice.
Loops and branches count once: how often they run is not in the text.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from .malformed import Budget, Malformed

_MOST_NODES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One function or method: its definition, and the types of its class's attributes."""

    definition: ast.FunctionDef
    attributes: Mapping[str, str]


class TorchscriptCode:
    """The methods of an archive by qualified name, "__torch__.net.Net.forward"."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """`sources` maps "__torch__.net" to the text of code/__torch__/net.py; raises Malformed."""
        self._methods: dict[str, Method] = {}
        self._counted: dict[str, Counter[str]] = {}
        self._budget = Budget(_MOST_NODES)
        for module, text in sources.items():
            self._define(module, _parse(module, text))

    def method(self, name: str) -> ast.FunctionDef | None:
        """The definition of a method, or None if the archive has none of that name."""
        found = self._methods.get(name)
        return found.definition if found else None

    def operators(self, name: str) -> Counter[str]:
        """How many places under the method `name` call each operator; raises Malformed for a method inside itself."""
        if name in self._counted:
            return self._counted[name]
        method = self._methods.get(name)
        if method is None:
            return Counter()
        self._counted[name] = Counter()  # A method that reaches itself adds nothing the second time.
        types: dict[str, str] = {"self": name.rpartition(".")[0]}
        counts: Counter[str] = Counter()
        for node in ast.walk(method.definition):
            self._budget.spend(1)
            if isinstance(node, ast.Assign):
                self._note_type(node, types)
            elif isinstance(node, ast.Call):
                counts += self._called(_path(node.func), types)
        self._counted[name] = counts
        return counts

    def _define(self, module: str, tree: ast.Module) -> None:
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                self._methods[f"{module}.{node.name}"] = Method(definition=node, attributes={})
            elif isinstance(node, ast.ClassDef):
                attributes = _attributes(node)
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef):
                        self._methods[f"{module}.{node.name}.{inner.name}"] = Method(
                            definition=inner, attributes=attributes
                        )

    def _called(self, path: tuple[str, ...], types: dict[str, str]) -> Counter[str]:
        if path[:1] == ("torch",) and len(path) == 2:
            return Counter({f"aten::{path[1]}": 1})
        if path[:1] == ("ops",) and len(path) == 3:
            return Counter({f"{path[1]}::{path[2]}": 1})
        if path[:1] == ("__torch__",):
            return self.operators(".".join(path))
        if len(path) >= 2:
            owner = self._type_of(path[:-1], types)
            return self.operators(f"{owner}.{path[-1]}") if owner else Counter()
        return Counter()

    def _note_type(self, node: ast.Assign, types: dict[str, str]) -> None:
        """Remember `conv = self.conv`, so that `(conv).forward(x)` can be followed."""
        target = node.targets[0]
        if isinstance(target, ast.Name):
            found = self._type_of(_path(node.value), types)
            if found:
                types[target.id] = found

    def _type_of(self, path: tuple[str, ...], types: dict[str, str]) -> str | None:
        current = types.get(path[0]) if path else None
        for name in path[1:]:
            current = self._attribute_type(current, name) if current else None
        return current

    def _attribute_type(self, owner: str, name: str) -> str | None:
        for method in ("forward", "__init__"):
            found = self._methods.get(f"{owner}.{method}")
            if found:
                return found.attributes.get(name)
        return None


def _parse(module: str, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Malformed(f"the code of {module} cannot be read: {type(error).__name__} {error}") from error


def _attributes(definition: ast.ClassDef) -> dict[str, str]:
    """Attribute types of a class; names that are no identifiers stand in `__annotations__["0"] = type`."""
    types: dict[str, str] = {}
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            types[node.target.id] = ".".join(_path(node.annotation))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            key = node.targets[0].slice
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                types[key.value] = ".".join(_path(node.value))
    return types


def _path(node: ast.expr) -> tuple[str, ...]:
    """`a.b.c` and `getattr(a.b, "c")` as ("a", "b", "c"); empty for anything else."""
    names: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Name):
            return (node.id, *reversed(names))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            owner, *rest = node.args
            if not rest or not isinstance(rest[0], ast.Constant):
                return ()
            names.append(str(rest[0].value))
            node = owner
        else:
            return ()
