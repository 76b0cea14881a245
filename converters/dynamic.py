"""Dynamic dimensions: read from `--dynamic`, put into a signature, tried at another size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .errors import UsageError
from .signature import Dim, Signature, TensorSpec

_TEXT = re.compile(r"^(?P<input>[\w.]+)\.(?P<axis>\d+)=(?:(?P<name>[A-Za-z_]\w*):)?(?P<low>\d+)\.\.(?P<high>\d+)$")


def parse_dynamic(texts: tuple[str, ...]) -> dict[str, Dim]:
    """`--dynamic` texts "INPUT.AXIS=[NAME:]MIN..MAX" by "input.axis"; axes with one name have one size.

    Without a name, axis 0 is "batch" and another axis "INPUT_AXIS". Raises UsageError.
    """
    found: dict[str, Dim] = {}
    for text in texts:
        match = _TEXT.match(text)
        if match is None:
            raise UsageError(
                f"--dynamic {text!r} is not understood", fix='write INPUT.AXIS=MIN..MAX, such as "image.0=1..8"'
            )
        low, high = int(match["low"]), int(match["high"])
        if not 1 <= low < high:
            raise UsageError(f"--dynamic {text!r} has no room: {low}..{high}", fix="give bounds with 1 <= MIN < MAX")
        axis = int(match["axis"])
        name = match["name"] or ("batch" if axis == 0 else f"{match['input'].replace('.', '_')}_{axis}")
        found[f"{match['input']}.{axis}"] = Dim(name=name, min=low, max=high)
    return found


def apply_dynamic(signature: Signature, dynamic: Mapping[str, Dim]) -> Signature:
    """The signature with the named input axes dynamic; UsageError if one does not exist or does not fit."""
    by_name: dict[str, Dim] = {}
    inputs = {spec.name: spec for spec in signature.inputs}
    for key, dim in dynamic.items():
        name, _, axis_text = key.rpartition(".")
        axis = int(axis_text)
        spec = inputs.get(name)
        if spec is None or axis >= len(spec.shape):
            known = ", ".join(f"{known.name}{list(known.shape)}" for known in signature.inputs)
            raise UsageError(
                f"--dynamic names {key}, but the inputs are {known}", fix="name an input and an axis of it"
            )
        size = spec.shape[axis]
        if isinstance(size, int) and not dim.min <= size <= dim.max:
            raise UsageError(
                f"the example's size {size} of {key} lies outside {dim.min}..{dim.max}", fix="widen the bounds"
            )
        if by_name.setdefault(dim.name, dim) != dim:
            raise UsageError(
                f"the dimension {dim.name!r} has two different bounds", fix="give it one, or two names: x.0=NAME:1..8"
            )
        inputs[name] = _with_dim(spec, axis, dim.name)
    return replace(signature, inputs=tuple(inputs.values()), dims=tuple(by_name.values()))


def _with_dim(spec: TensorSpec, axis: int, name: str) -> TensorSpec:
    return replace(spec, shape=(*spec.shape[:axis], name, *spec.shape[axis + 1 :]))


def resized(
    arrays: Mapping[str, np.ndarray], signature: Signature, dim: Dim, size: int | None = None
) -> dict[str, np.ndarray]:
    """The arrays with one dynamic dimension at another size (by default one that differs from theirs).

    Values are repeated along the axis and cut, so that integers stay within what the model has seen.
    """
    result: dict[str, np.ndarray] = {}
    for spec in signature.inputs:
        array = arrays[spec.name]
        for axis in (axis for axis in spec.dynamic_axes if spec.shape[axis] == dim.name):
            now = array.shape[axis]
            wanted = size or (now + 1 if now < dim.max else now - 1)
            array = np.take(array, np.arange(wanted) % now, axis=axis)
        result[spec.name] = np.ascontiguousarray(array)
    return result
