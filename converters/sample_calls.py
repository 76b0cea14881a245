"""Real inputs from the user's function, as calls of the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .errors import InputError
from .signature import Signature
from .user_code import call_factory


def calls_from_function(function: str, signature: Signature) -> Iterator[dict[str, np.ndarray]]:
    """The calls that "file.py:fn" gives: each a mapping by input name, a sequence in input order, or one array.

    Tensors of any framework are taken through numpy. Raises InputError if a call does not fit.
    """
    for index, call in enumerate(call_factory(function, {})):
        yield _as_call(call, signature, index)


def _as_call(call: Any, signature: Signature, index: int) -> dict[str, np.ndarray]:
    names = [spec.name for spec in signature.inputs]
    named: dict[str, np.ndarray] = {}
    if isinstance(call, dict):
        mapping: dict[Any, Any] = call  # pyright: ignore[reportUnknownVariableType]
        named = {str(name): np.asarray(value) for name, value in mapping.items()}
    else:
        values: list[Any] = [*call] if isinstance(call, (list, tuple)) else [call]  # pyright: ignore[reportUnknownVariableType]
        named = dict(zip(names, map(np.asarray, values), strict=False))
    if set(named) != set(names):
        raise InputError(
            f"sample {index} has the inputs {sorted(named)}, the model takes {names}",
            fix="yield mappings from input name to array",
        )
    return {name: named[name] for name in names}
