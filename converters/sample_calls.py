"""Real inputs from the user's function, as calls of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    if isinstance(call, Mapping):
        named = {str(name): np.asarray(value) for name, value in call.items()}
    elif isinstance(call, Sequence):
        named = dict(zip(names, (np.asarray(value) for value in call), strict=False))
    else:
        named = dict(zip(names, (np.asarray(call),), strict=False))
    if set(named) != set(names):
        raise InputError(
            f"sample {index} has the inputs {sorted(named)}, the model takes {names}",
            fix="yield mappings from input name to array",
        )
    return {name: named[name] for name in names}
