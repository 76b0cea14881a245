"""Example inputs from `--input`: a spec, an .npz file or the user's function, as named numpy arrays."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .errors import InputError
from .user_code import call_factory

_SPEC = re.compile(
    r"^(?:(?P<name>[A-Za-z_][\w.]*):)?(?P<dtype>[a-z]+\d*)\[(?P<shape>[\d,\s]*)\](?:\{(?P<low>-?\d+)\.\.(?P<high>-?\d+)\})?$"
)
_EXAMPLE = '"image:float32[1,3,224,224]"'
Named = dict[str, np.ndarray]


def is_spec(text: str) -> bool:
    """Whether the text reads as name:dtype[shape], not as a file."""
    return _SPEC.match(text) is not None


def inputs_from(texts: Sequence[str], *, seed: int = 0) -> Any:
    """The example inputs that the `--input` texts give.

    Several specs, one .npz or one function; a spec's values are drawn with `seed`: normal for floats, within
    {low..high} (else 0..1) for integers. Returns a dict of arrays by name for specs and .npz, or whatever
    the user's function returned. Raises InputError.
    """
    if all(is_spec(text) for text in texts):
        generator = np.random.default_rng(seed)
        return dict(_draw(text, index, generator) for index, text in enumerate(texts))
    if len(texts) > 1:
        raise InputError(
            f"--input was given {len(texts)} times and not every text is a spec like {_EXAMPLE}: {list(texts)}",
            fix="give one spec per input, or a single .npz or file.py:function",
        )
    return _from_file_or_function(texts[0])


def _from_file_or_function(text: str) -> Any:
    if text.endswith(".npz"):
        return read_npz(Path(text))
    if ":" in text:
        return call_factory(text, {})
    raise InputError(f"--input {text!r} is not understood", fix=f"write a spec like {_EXAMPLE}, x.npz or file.py:fn")


def read_npz(path: Path) -> Named:
    """The arrays of an .npz file by name; pickled objects are refused. Raises InputError."""
    with _stored(path, "numpy.savez") as stream, np.lib.npyio.NpzFile(stream, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def read_npy(path: Path) -> np.ndarray:
    """The array of an .npy file; pickled objects are refused. Raises InputError."""
    with _stored(path, "numpy.save") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


@contextmanager
def _stored(path: Path, writer: str) -> Generator[BinaryIO]:
    """The opened file, whatever goes wrong with it as an InputError."""
    try:
        with path.open("rb") as stream:
            yield stream
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist", fix="check the path") from error
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise InputError(
            f"{path} does not hold plain arrays as {writer} writes them: {error}", fix=f"write it with {writer}"
        ) from error


def _draw(text: str, index: int, generator: np.random.Generator) -> tuple[str, np.ndarray]:
    match = _SPEC.match(text)
    if match is None:
        raise InputError(f"--input {text!r} is not understood", fix=f"write a spec like {_EXAMPLE}")
    name = match["name"] or f"input_{index}"
    shape = tuple(int(size) for size in match["shape"].split(",") if size.strip())
    dtype = _dtype(match["dtype"])
    if dtype.kind == "f":
        return name, generator.standard_normal(shape).astype(dtype)
    if dtype.kind == "b":
        return name, generator.integers(0, 2, shape).astype(dtype)
    low, high = int(match["low"] or 0), int(match["high"] or 1)
    return name, generator.integers(low, high, shape, endpoint=True).astype(dtype)


def _dtype(text: str) -> np.dtype[Any]:
    try:
        dtype = np.dtype(text)
    except TypeError as error:
        raise InputError(f"{text!r} is not a dtype", fix="use float32, int64, int32, uint8, bool ...") from error
    if dtype.kind not in "fiub":
        raise InputError(f"{text!r} cannot be an input", fix="use a float, integer or bool dtype")
    return dtype


def describe_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """The arrays as text, in the form that `--input` takes."""
    return ", ".join(f"{name}:{array.dtype}{list(array.shape)}" for name, array in arrays.items())
