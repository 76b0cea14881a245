"""Imports and calls functions that the user named on the command line."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import inspect
import random
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from .errors import SourceError

_FRAMES_SHOWN = 3
_SEED = 0


def call_factory(factory: str, arguments: Mapping[str, str]) -> Any:
    """Call "file.py:fn" or "pkg.mod:fn" with keyword arguments given as text.

    The text becomes a number, list and so on where it is a Python literal, otherwise it stays text. Python's and
    numpy's random numbers are seeded first: every worker that calls the factory must get the same.
    Raises SourceError with the last frames of the user's own traceback if the import or the call fails.
    """
    seed_random_numbers()
    function = load_function(factory)
    values = {name: _literal(text) for name, text in arguments.items()}
    try:
        inspect.signature(function).bind(**values)
    except TypeError as error:
        raise SourceError(
            f"{factory} does not take these arguments: {error} (its signature is {inspect.signature(function)})",
            fix="give every argument without a default with --model-arg name=value",
        ) from error
    try:
        return function(**values)
    except Exception as error:
        raise SourceError(
            f"{factory} raised {type(error).__name__}: {error}\n{users_frames(error)}",
            fix="correct the factory, or its arguments with --model-arg name=value",
        ) from error


def seed_random_numbers() -> None:
    """Seed what the user's code may draw from."""
    random.seed(_SEED)
    np.random.seed(_SEED)  # noqa: NPY002 (the user's code may draw from it)


def load_named(text: str | None) -> dict[str, Any]:
    """The classes and functions that "file.py:NAME,NAME" names, by name; none for None."""
    if text is None:
        return {}
    place, _, names = text.rpartition(":")
    return {name.strip(): load_function(f"{place}:{name.strip()}") for name in names.split(",") if name.strip()}


def load_function(factory: str) -> Any:
    """The function that "file.py:fn" or "pkg.mod:fn" names."""
    place, _, name = factory.rpartition(":")
    try:
        module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    except Exception as error:
        raise SourceError(
            f"importing {place} raised {type(error).__name__}: {error}\n{users_frames(error)}",
            fix="correct the file, or install what it imports into this environment",
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        members = cast("dict[str, Any]", vars(module))
        public = sorted(key for key, value in members.items() if callable(value) and not key.startswith("_"))
        near = difflib.get_close_matches(name, public, n=1) or public
        raise SourceError(
            f"{place} has no function {name!r}; it has {', '.join(public[:8]) or 'none'}",
            fix=f"write {place}:{near[0] if near else 'function'}",
        )
    return function


def _import_file(path: Path) -> Any:
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    spec = importlib.util.spec_from_file_location(f"_edgeproof_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _import_module(name: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    return importlib.import_module(name)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def users_frames(error: BaseException) -> str:
    """The innermost frames of a traceback, without ours."""
    ours = str(Path(__file__).parent)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    shown = [frame for frame in frames if "importlib" not in frame.filename][-_FRAMES_SHOWN:]
    return "".join(traceback.format_list(shown)).rstrip()
