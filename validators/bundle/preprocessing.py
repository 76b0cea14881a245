"""Repeats a bundle's preprocessing on its own originals: the golden inputs must come out bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ...converters.errors import InputError, NotRunnable
from ...converters.preprocessing.reading import inputs_of
from .contents import BundleContents, read_golden
from .manifest import BundledArtifact, GoldenCall, Original

_DTYPES: dict[str, np.dtype[Any]] = {"pixels": np.dtype("u1"), "pcm": np.dtype("<i2"), "text": np.dtype("u1")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessed:
    """How many samples came out bit for bit; `not_run` says why none was tried, with its fix."""

    samples: int = 0
    not_run: str = ""
    fix: str = ""


def preprocessed_again(contents: BundleContents) -> Preprocessed | None:
    """Repeat it; None if the bundle has no specification that made its samples.

    InputError if one bit of a golden input is another one.
    """
    stated = contents.manifest.preprocessing
    if contents.spec is None or stated is None or not stated.proven:
        return None
    try:
        for original in contents.manifest.originals:
            _require_same(contents, original)
    except NotRunnable as error:
        return Preprocessed(not_run=error.message, fix=error.fix)
    return Preprocessed(samples=len(contents.manifest.originals))


def _require_same(contents: BundleContents, original: Original) -> None:
    raw = _read(contents, original)
    if contents.spec is None:
        return
    made = inputs_of(contents.spec, {original.kind: raw}, folder=contents.folder)
    for artifact in contents.manifest.artifacts:
        for call in artifact.golden:
            if call.sample == original.sample:
                _compare(contents, artifact, call, made)


def _compare(contents: BundleContents, artifact: BundledArtifact, call: GoldenCall, made: dict[str, Any]) -> None:
    layouts = {tensor.name: tensor.layout for tensor in artifact.inputs}
    own = getattr(contents.spec, "layout", None)
    for name, array in made.items():
        moved = array
        if own is not None and layouts.get(name) not in {None, own}:
            moved = array.transpose((0, 2, 3, 1) if own == "nchw" else (0, 3, 1, 2))
        golden = read_golden(contents.folder, call, name)
        if golden.shape != moved.shape or golden.tobytes() != np.ascontiguousarray(moved).tobytes():
            raise InputError(
                f"preprocessing sample {call.sample} again gives other bits than {call.inputs[name]}",
                fix="make the bundle again with `edgeproof bundle`",
            )


def _read(contents: BundleContents, original: Original) -> np.ndarray:
    dtype = _DTYPES.get(original.kind)
    content = (contents.folder / original.file).read_bytes()
    if dtype is None or len(content) != prod(original.shape) * dtype.itemsize:
        raise InputError(
            f"{original.file} does not hold {original.kind} of the shape {list(original.shape)}",
            fix="make the bundle again with `edgeproof bundle`",
        )
    return np.frombuffer(content, dtype).reshape(original.shape)
