"""A recipe on disk: its JSON, and beside it the integers of the weights and the divisors of equalised tensors."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from ..errors import InputError, UsageError
from ..example_inputs import read_npz
from ..writing import write_atomically
from .recipe import SCHEMA, Recipe

SUFFIX = ".recipe.json"
_INTEGERS, _SCALES, _DIVISORS = "integers/", "scales/", "divisors/"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWeights:
    """What a recipe's JSON has no place for.

    `integers` (int8) and `scales` (float32) are those of layers whose weights were rounded on calibration inputs,
    `divisors` (float32, one for each channel) those of tensors that are divided before layers read them.
    """

    integers: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    scales: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    divisors: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])


def write_recipe(recipe: Recipe, stored: StoredWeights, path: Path) -> None:
    """Write NAME.recipe.json and NAME.recipe.npz; raises UsageError if the disk is full."""
    parts = ((_INTEGERS, stored.integers), (_SCALES, stored.scales), (_DIVISORS, stored.divisors))
    arrays = {f"{kind}{name}": array for kind, named in parts for name, array in sorted(named.items())}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomically(_weights_of(path), buffer.getvalue())
    write_atomically(path, msgspec.json.format(msgspec.json.encode(recipe), indent=1) + b"\n")


def read_recipe(path: Path) -> tuple[Recipe, StoredWeights]:
    """Read both files; UsageError if one is missing, damaged, or of another version."""
    try:
        text = path.read_bytes()
        _require_schema(msgspec.json.decode(text, type=_Schema).schema, path)
        recipe = msgspec.json.decode(text, type=Recipe)
        stored = _read_weights(_weights_of(path))
    except (OSError, ValueError, msgspec.DecodeError, InputError) as error:
        said = error.message if isinstance(error, InputError) else error
        raise UsageError(
            f"{path} cannot be read as a recipe: {said}",
            fix=f"give a *{SUFFIX} that `edgeproof convert` wrote, with its .npz beside it",
        ) from error
    return recipe, stored


@dataclass(frozen=True, slots=True, kw_only=True)
class _Schema:
    """What every version of a recipe has."""

    schema: int


def _require_schema(found: int, path: Path) -> None:
    if found != SCHEMA:
        raise UsageError(f"{path} is a recipe of schema {found}, and {SCHEMA} can be read", fix="make it again")


def _weights_of(path: Path) -> Path:
    return path.with_suffix(".npz")


def _read_weights(path: Path) -> StoredWeights:
    arrays = read_npz(path)
    return StoredWeights(
        integers=_named(arrays, _INTEGERS), scales=_named(arrays, _SCALES), divisors=_named(arrays, _DIVISORS)
    )


def _named(arrays: dict[str, np.ndarray], kind: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(kind): array for name, array in arrays.items() if name.startswith(kind)}
