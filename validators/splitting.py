"""Cuts stored arrays into calls: one array per input may hold one call or many."""

from __future__ import annotations

from collections.abc import Mapping

from ..converters.errors import InputError
from ..converters.signature import Signature, TensorSpec
from ..converters.tensors import Call
from .accumulators import Array
from .shapes import allows, shape_text


def split(arrays: Mapping[str, Array], signature: Signature, example: Call, *, where: str) -> list[dict[str, Array]]:
    """The calls in `arrays`, which have the inputs' names.

    Of these readings the first that fits an array is taken:

    1. the example's shape: one call
    2. a leading axis that is a multiple of the example's: calls one after another along it
    3. one axis more than the example, in front: a stack of calls
    4. another shape that the signature's dynamic dimensions allow: one call

    All inputs must hold the same number of calls. Raises InputError.
    """
    parts = {
        spec.name: _parts(arrays[spec.name], spec, example[spec.name].shape, signature) for spec in signature.inputs
    }
    for spec in signature.inputs:
        if parts[spec.name] is None:
            raise InputError(
                f"{where}: {spec.name!r} has shape {list(arrays[spec.name].shape)}, which is neither one call of "
                f"{shape_text(signature, spec)} nor several of them",
                fix=f"store calls in a stack: [number, {', '.join(map(str, example[spec.name].shape))}]",
            )
    found = {name: part for name, part in parts.items() if part is not None}
    counts = {name: len(part) for name, part in found.items()}
    if len(set(counts.values())) > 1:
        raise InputError(
            f"{where}: the inputs hold different numbers of calls: {counts}", fix="store as many calls for each input"
        )
    return [dict(zip(found, arrays_of_call, strict=True)) for arrays_of_call in zip(*found.values(), strict=True)]


def _parts(array: Array, spec: TensorSpec, example: tuple[int, ...], signature: Signature) -> list[Array] | None:
    """One array per call, or None if no reading fits."""
    if array.shape == example:
        return [array]
    chunks = _chunks(array, example)
    if chunks and all(allows(signature, spec, chunk.shape) for chunk in chunks):
        return chunks
    if array.ndim == len(example) + 1 and len(array) and allows(signature, spec, array.shape[1:]):
        return list(array)
    return [array] if allows(signature, spec, array.shape) else None


def _chunks(array: Array, example: tuple[int, ...]) -> list[Array]:
    """Pieces of the example's length along the leading axis; none if it does not divide."""
    if not example or array.ndim != len(example) or not example[0] or len(array) % example[0]:
        return []
    return [array[start : start + example[0]] for start in range(0, len(array), example[0])]
