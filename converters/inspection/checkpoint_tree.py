"""Sums up the values of a pickled checkpoint: tensors by name, dictionaries by what hangs below them, plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ..checkpoints.contents import Opaque, PickledCheckpoint, StoredTensor, Tree, children, inner, tensors_in
from .checkpoint_findings import Branch, CheckpointContents, Prefix
from .findings import NamedTensor

_BRANCH_DEPTH = 3
_MOST_BRANCHES = 1000
_VALUE_DEPTH = 2
_MOST_VALUES = 100
_LONGEST_VALUE = 80


def pickled_contents(checkpoint: PickledCheckpoint) -> CheckpointContents:
    """What `edgeproof inspect` shows of a torch checkpoint."""
    tensors = list(tensors_in(checkpoint.root))
    return CheckpointContents(
        writer=checkpoint.writer,
        tensors=tuple(map(tensor_facts, *zip(*tensors, strict=True))) if tensors else (),
        memory_bytes=memory_of(tensor for _, tensor in tensors),
        prefixes=tuple(prefixes_of("", dict(tensors))) if _is_flat(checkpoint.root) else tuple(_prefixes(checkpoint)),
        branches=tuple(_branches(checkpoint.root)),
        values=_values(checkpoint.root),
        globals=checkpoint.globals,
        refused=checkpoint.refused,
        metadata=_root(checkpoint.root),
    )


def tensor_facts(name: str, tensor: StoredTensor) -> NamedTensor:
    """A tensor's line."""
    return NamedTensor(name=name, dtype=tensor.dtype, shape=tensor.shape, bytes=tensor.bytes)


def memory_of(tensors: Iterable[StoredTensor]) -> int:
    """What the tensors' storages take, each once."""
    return sum(place.bytes for place in {tensor.place for tensor in tensors})


def prefixes_of(place: str, names: Iterable[str]) -> Iterator[Prefix]:
    """What names begin with, up to the first dot, in the order of their first use."""
    counts = Counter(f"{name.partition('.')[0]}." for name in names if "." in name)
    for prefix, count in counts.items():
        yield Prefix(place=place, prefix=prefix, tensors=count)


def _root(root: Tree) -> dict[str, str]:
    return {"class": root.name} if isinstance(root, Opaque) else {}


def _is_flat(root: Tree) -> bool:
    return isinstance(root, dict) and all(isinstance(value, StoredTensor) for value in root.values())


def _prefixes(checkpoint: PickledCheckpoint) -> Iterator[Prefix]:
    """Those of every dictionary of tensors that is not too deep inside."""
    for name, node, _ in _containers(checkpoint.root):
        if isinstance(node, dict):
            names = [key for key, value in node.items() if isinstance(key, str) and isinstance(value, StoredTensor)]
            yield from prefixes_of(name, names)


def _branches(root: Tree) -> Iterator[Branch]:
    for name, node, depth in _containers(root):
        if depth == 0 or not children(node):
            continue  # a module has a dozen dictionaries, most of them empty
        below = [tensor for _, tensor in tensors_in(node)]
        yield Branch(
            key=name,
            kind=node.name if isinstance(node, Opaque) else type(node).__name__,
            entries=len(children(node)),
            tensors=len(below),
            bytes=memory_of(below),
        )


def _containers(root: Tree) -> Iterator[tuple[str, Tree, int]]:
    """Dictionaries, lists and objects down to some depth, outermost first and in the file's order."""
    waiting: list[tuple[str, Tree, int]] = [("", root, 0)]
    found = 0
    while waiting and found < _MOST_BRANCHES:
        name, node, depth = waiting.pop()
        if isinstance(node, dict | list | Opaque) or (isinstance(node, tuple) and any(map(_holds_more, node))):
            found += 1
            yield name, node, depth
            if depth < _BRANCH_DEPTH:
                parts = inner(node)
                waiting += [(f"{name}.{key}" if name else key, part, depth + 1) for key, part in reversed(parts)]


def _holds_more(node: Tree) -> bool:
    return isinstance(node, dict | list | Opaque | StoredTensor)


def _values(root: Tree) -> dict[str, str]:
    """Short plain values near the top: epochs, scores, versions."""
    found: dict[str, str] = {}
    waiting: list[tuple[str, Tree, int]] = [("", root, 0)]
    while waiting and len(found) < _MOST_VALUES:
        name, node, depth = waiting.pop()
        if isinstance(node, str | int | float | bool | None) and depth:
            found.update(_shown(name, node))
        elif isinstance(node, dict | Opaque) and depth < _VALUE_DEPTH:
            waiting += [(f"{name}.{key}" if name else key, part, depth + 1) for key, part in reversed(children(node))]
    return found


def _shown(name: str, value: Tree) -> dict[str, str]:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
        return {}  # Python refuses to print a number of thousands of digits
    text = str(value)
    return {name: text} if len(text) <= _LONGEST_VALUE else {}
