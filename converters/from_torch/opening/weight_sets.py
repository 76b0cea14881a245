"""Finds the sets of weights in a checkpoint: state_dicts at any of its keys, and pickled modules by their tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...checkpoints.contents import Key, Opaque, StoredTensor, Tree
from ...checkpoints.modules import is_module

_DEEPEST = 3  # checkpoint["state"]["ema"]["shadow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSet:
    """Tensors that one dictionary or module holds; `key` is its dotted place in the checkpoint, "" for the whole.

    `objects` maps names to the classes of entries that were not opened, `values` are the names of other entries,
    `module` is the class if it is a pickled module.
    """

    key: str
    tensors: dict[str, StoredTensor]
    objects: dict[str, str] = field(default_factory=dict[str, str])
    values: tuple[str, ...] = ()
    module: str | None = None


def weight_sets(root: Tree) -> list[WeightSet]:
    """Every set in a checkpoint, outer ones first."""
    return list(_below(root, "", 0))


def set_at(root: Tree, key: str) -> WeightSet | None:
    """The set at a dotted key, however deep, or None."""
    found = _at(root, key)
    return None if found is None else next(iter(_set_of(found, key)), None)


def objects_in(root: Tree) -> list[str]:
    """The classes of the entries of a checkpoint that were not opened, each once."""
    if not isinstance(root, dict):
        return []
    return list(dict.fromkeys(value.name for value in root.values() if isinstance(value, Opaque)))


def _below(node: Tree, key: str, depth: int) -> Iterator[WeightSet]:
    yield from _set_of(node, key)
    if isinstance(node, dict) and depth < _DEEPEST:
        for name, part in node.items():
            if isinstance(name, str):
                yield from _below(part, f"{key}.{name}" if key else name, depth + 1)


def _set_of(node: Tree, key: str) -> Iterator[WeightSet]:
    if isinstance(node, Opaque) and is_module(node):
        tensors: dict[str, StoredTensor] = {}
        objects: dict[str, str] = {}
        _collect(node, "", tensors, objects)
        yield WeightSet(key=key, tensors=tensors, objects=objects, module=node.name)
    elif isinstance(node, dict):
        named = {name: value for name, value in node.items() if isinstance(name, str)}
        tensors = {name: value for name, value in named.items() if isinstance(value, StoredTensor)}
        if tensors and len(named) == len(node):
            objects = {name: value.name for name, value in named.items() if isinstance(value, Opaque)}
            values = tuple(name for name in named if name not in tensors and name not in objects)
            yield WeightSet(key=key, tensors=tensors, objects=objects, values=values)


def _collect(module: Opaque, prefix: str, tensors: dict[str, StoredTensor], objects: dict[str, str]) -> None:
    """The tensors as the module's own state_dict() would name them."""
    computed = _computed_buffers(module)
    for kind in ("_parameters", "_buffers"):
        for name, value in _entries(module, kind):
            if isinstance(value, StoredTensor) and name not in computed:
                tensors[prefix + name] = value
            elif isinstance(value, Opaque):
                objects[prefix + name] = value.name
    for name, part in _entries(module, "_modules"):
        if isinstance(part, Opaque):
            _collect(part, f"{prefix}{name}.", tensors, objects)


def _entries(module: Opaque, kind: str) -> list[tuple[str, Tree]]:
    held = module.state.get(kind) if isinstance(module.state, dict) else None
    return [(name, value) for name, value in held.items() if isinstance(name, str)] if isinstance(held, dict) else []


def _computed_buffers(module: Opaque) -> set[str]:
    """The buffers that a module does not store: a pickled set is its class called with a list of names."""
    held = module.state.get("_non_persistent_buffers_set") if isinstance(module.state, dict) else None
    arguments = held.state if isinstance(held, Opaque) else None
    names = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def _at(node: Tree, key: str) -> Tree:
    """The value at a dotted key; names may hold dots themselves, so the longest that fits goes first."""
    if not key:
        return node
    if not isinstance(node, dict):
        return None
    parts = key.split(".")
    for count in range(len(parts), 0, -1):
        name: Key = ".".join(parts[:count])
        if name in node:
            found = _at(node[name], ".".join(parts[count:]))
            if found is not None:
                return found
    return None
