"""Real inputs from the user's own code, as calls of the model: a function that gives them, or one that reads files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .signature import Signature
from .user_code import call_factory, load_function, seed_random_numbers, users_frames

_HOW = "give for every call a mapping from input name to array, a tuple in input order, or one array"
_NUMBERS = "fiub"


def calls_from_function(function: str, signature: Signature) -> Iterator[dict[str, np.ndarray]]:
    """The calls that "file.py:fn" gives: each a mapping by input name, a sequence in input order, or one array.

    Tensors of any framework are taken through numpy. Raises InputError if there are none, or one is no call.
    """
    for index, call in enumerate(_given_by(function)):
        yield _as_call(call, signature, where=f"sample {index} of {function}")


def calls_from_files(files: Sequence[Path], function: str, signature: Signature) -> Iterator[dict[str, np.ndarray]]:
    """The calls that "file.py:fn" makes of files, each from a file's path as text; raises InputError as above."""
    preprocess = load_function(function)
    seed_random_numbers()
    for file in files:
        try:
            call = preprocess(str(file))
        except Exception as error:
            raise InputError(
                f"{function} raised {type(error).__name__} for {file}: {error}\n{users_frames(error)}",
                fix="correct the function, or take the file away: it is called with the path of each file",
            ) from error
        yield _as_call(call, signature, where=f"what {function} makes of {file}")


def sample_files(place: Path) -> list[Path]:
    """The files in a folder by name, without hidden ones, or the file itself; InputError if there is none."""
    if not place.exists():
        raise InputError(f"{place} does not exist", fix="check the path")
    if not place.is_dir():
        return [place]
    files = (file for file in place.iterdir() if file.is_file() and not file.name.startswith("."))
    found = sorted(files, key=lambda file: file.name)
    if not found:
        raise InputError(f"{place} holds no files", fix="name the folder that the files are in, without subfolders")
    return found


def _given_by(function: str) -> Iterator[Any]:
    given = call_factory(function, {})
    kind: type[Any] = given.__class__
    if issubclass(kind, (str, Mapping)) or not (hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")):
        raise InputError(f"{function} returned a {kind.__name__}, not one call after another", fix=_HOW)
    count = 0
    try:
        for count, call in enumerate(given, start=1):  # noqa: B007 (counted for what comes after)
            yield call
    except Exception as error:
        raise InputError(
            f"{function} raised {type(error).__name__} after {count} samples: {error}\n{users_frames(error)}",
            fix="correct the function",
        ) from error
    if not count:
        raise InputError(f"{function} gave no samples", fix=_HOW)


def _as_call(call: Any, signature: Signature, *, where: str) -> dict[str, np.ndarray]:
    names = [spec.name for spec in signature.inputs]
    if isinstance(call, Mapping):
        given: dict[Any, Any] = {str(name): value for name, value in call.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if set(given) != set(names):
            raise InputError(f"{where} has the inputs {sorted(given)}, the model takes {names}", fix=_HOW)
        return {name: _as_array(given[name], name, where=where) for name in names}
    values: list[Any] = [*call] if isinstance(call, (list, tuple)) else [call]  # pyright: ignore[reportUnknownVariableType]
    if len(values) != len(names):
        raise InputError(f"{where} has {len(values)} inputs, the model takes {len(names)}: {names}", fix=_HOW)
    return {name: _as_array(value, name, where=where) for name, value in zip(names, values, strict=True)}


def _as_array(value: Any, name: str, *, where: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except Exception as error:
        raise InputError(f"{where}: {name!r} does not become an array: {error}", fix=_HOW) from error
    if array.dtype.kind not in _NUMBERS:
        raise InputError(f"{where}: {name!r} is a {type(value).__name__}, not an array of real numbers", fix=_HOW)
    return array
