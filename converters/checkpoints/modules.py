"""Finds whole modules in a pickled checkpoint, by the fields that every nn.Module has; nothing is unpickled."""

from __future__ import annotations

from .contents import Opaque, Tree

_DEEPEST = 2
_FIELDS = {"_parameters", "_modules"}


def is_module(node: Tree) -> bool:
    """Whether an object that was not built is an nn.Module."""
    return isinstance(node, Opaque) and isinstance(node.state, dict) and node.state.keys() >= _FIELDS


def modules_in(root: Tree, key: str = "", depth: int = 0) -> dict[str, str]:
    """The class of every module by its dotted key, "" for the whole file; those inside of others are not counted."""
    if isinstance(root, Opaque):
        # What a file holds as a whole and is of an unknown class is taken for a module: only unpickling could tell.
        return {key: root.name} if is_module(root) or not key else {}
    found: dict[str, str] = {}
    if isinstance(root, dict) and depth < _DEEPEST:
        for name, part in root.items():
            if isinstance(name, str):
                found.update(modules_in(part, f"{key}.{name}" if key else name, depth + 1))
    return found
