"""Sets the weights of an HDF5 file beside those of a Keras model, before any is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py

from ..errors import SourceError

Shapes = dict[str, tuple[int, ...]]
_SHOWN = 5
_FIX = "check that the architecture is the one that the weights were trained with"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a model wants: `listed` gives its weights by layer in Keras 2's order, `save` writes them as a tree.

    `built` is whether it has any yet.
    """

    kind: str
    built: bool
    listed: Callable[[], Iterable[tuple[str, tuple[int, ...]]]]
    save: Callable[[str], object]


def require_fit(expected: Expected, group: Any, *, name: str, in_list: bool) -> None:
    """Raises SourceError that counts and shows the missing, unexpected and mis-shaped weights."""
    if not expected.built:
        raise SourceError(
            f"{expected.kind} has no weights before its first call, so those of {name} have no place",
            fix="call the model once in its factory, or build it: model.build(input_shape)",
        )
    if in_list:
        have, want = _by_position(_listed(group), dict(expected.listed()))
    else:
        have, want = _tree(group), _tree_of(expected)
    texts = (
        _counted("missing", [key for key in want if key not in have]),
        _counted("unexpected", [key for key in have if key not in want]),
        _counted("mis-shaped", [_both(key, have, want) for key in want if have.get(key, want[key]) != want[key]]),
    )
    if any(texts):
        raise SourceError(
            f"the weights of {name} do not fit the model: {'; '.join(text for text in texts if text)}", fix=_FIX
        )


def do_not_fit(name: str, error: Exception) -> SourceError:
    """The error for what Keras found while it loaded."""
    text = str(error).strip()
    first = text.splitlines()[0][:300] if text else type(error).__name__
    return SourceError(f"the weights of {name} do not fit the model: {first}", fix=_FIX)


def _tree(group: Any) -> Shapes:
    """Paths in Keras 3's tree, but for the optimizer's and the states of dropout, which take no part."""
    found: Shapes = {}

    def note(path: str, item: Any) -> None:
        parts = path.split("/")
        if isinstance(item, h5py.Dataset) and parts[0] != "optimizer" and "seed_generator" not in parts:
            found[path] = tuple(item.shape)

    group.visititems(note)
    return found


def _tree_of(expected: Expected) -> Shapes:
    """Keras names its tree while it writes, so it writes."""
    with TemporaryDirectory(prefix="edgeproof-") as folder:
        path = str(Path(folder, "model.weights.h5"))
        expected.save(path)
        with h5py.File(path, "r") as file:
            return _tree(file)


def _listed(group: Any) -> Shapes:
    """Weights by layer and name, in the file's order."""
    shapes: Shapes = {}
    for layer in (*_texts(group, "layer_names"), "top_level_model_weights"):
        if layer in group:
            names = _texts(group[layer], "weight_names")
            shapes |= {f"{layer}/{name}": tuple(group[layer][name].shape) for name in names}
    return shapes


def _texts(group: Any, name: str) -> list[str]:
    """A list of names; Keras spreads a long one over several attributes."""
    parts = [name] if name in group.attrs else []
    while f"{name}{len(parts)}" in group.attrs:
        parts.append(f"{name}{len(parts)}")
    values = (value for part in parts for value in group.attrs[part])
    return [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values]


def _by_position(have: Shapes, want: Shapes) -> tuple[Shapes, Shapes]:
    """Keras 2's lists are matched by position: layers are called dense_1 in one process and dense_7 in the next."""
    if len(have) != len(want):
        return _of_layers(have), _of_layers(want)
    keys = [f"#{place} {name}" for place, name in enumerate(have)]
    return dict(zip(keys, have.values(), strict=True)), dict(zip(keys, want.values(), strict=True))


def _of_layers(shapes: Mapping[str, tuple[int, ...]]) -> Shapes:
    """By layer and the last part of the name, which is what two versions of Keras agree on."""
    return {
        f"{key.partition('/')[0]}/{key.rpartition('/')[2].removesuffix(':0')}": shape for key, shape in shapes.items()
    }


def _both(key: str, have: Shapes, want: Shapes) -> str:
    return f"{key} {_sizes(have[key])} for {_sizes(want[key])}"


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _counted(what: str, keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"{len(keys)} {what} ({', '.join(keys[:_SHOWN])}{more})" if keys else ""
