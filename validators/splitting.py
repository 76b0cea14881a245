"""Cuts stored arrays into calls: one array per input may hold one call or many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..converters.errors import InputError
from ..converters.signature import Signature, TensorSpec, allows, shape_text
from ..converters.tensors import Call
from .accumulators import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How an array holds calls: `calls` pieces of `rows` along its leading axis, or one call as a whole (None).

    Of a `stacked` array the leading axis counts calls and is no axis of theirs.
    """

    calls: int
    rows: int | None = None
    stacked: bool = False

    def call(self, array: Array, index: int) -> Array:
        """The call at `index`."""
        if self.rows is None:
            return array
        piece = array[index * self.rows : (index + 1) * self.rows]
        return piece[0] if self.stacked else piece


def readings(
    shapes: Mapping[str, tuple[int, ...]], signature: Signature, example: Call, *, where: str
) -> dict[str, Reading]:
    """How arrays of these shapes, which have the inputs' names, hold calls.

    Of these readings the first that fits an array is taken:

    1. the example's shape: one call
    2. a leading axis that is a multiple of the example's: calls one after another along it
    3. one axis more than the example, in front: a stack of calls
    4. another shape that the signature's dynamic dimensions allow: one call

    All inputs must hold the same number of calls. Raises InputError.
    """
    found = {spec.name: _reading(shapes[spec.name], spec, signature, example, where) for spec in signature.inputs}
    counts = {name: reading.calls for name, reading in found.items()}
    if len(set(counts.values())) > 1:
        raise InputError(
            f"{where}: the inputs hold different numbers of calls: {counts}", fix="store as many calls for each input"
        )
    return found


def split(
    arrays: Mapping[str, Array], signature: Signature, example: Call, *, where: str
) -> Iterator[dict[str, Array]]:
    """The calls in `arrays` (see `readings`)."""
    found = readings({name: array.shape for name, array in arrays.items()}, signature, example, where=where)
    count = next((reading.calls for reading in found.values()), 0)
    return ({name: reading.call(arrays[name], index) for name, reading in found.items()} for index in range(count))


def _reading(shape: tuple[int, ...], spec: TensorSpec, signature: Signature, example: Call, where: str) -> Reading:
    known = example[spec.name].shape
    if shape == known:
        return Reading(calls=1)
    divides = bool(known) and len(shape) == len(known) and known[0] > 0 and not shape[0] % known[0]
    if divides and allows(signature, spec, (known[0], *shape[1:])):
        return Reading(calls=shape[0] // known[0], rows=known[0])
    if len(shape) == len(known) + 1 and shape[0] and allows(signature, spec, shape[1:]):
        return Reading(calls=shape[0], rows=1, stacked=True)
    if allows(signature, spec, shape):
        return Reading(calls=1)
    raise InputError(
        f"{where}: {spec.name!r} has shape {list(shape)}, which is neither one call of "
        f"{shape_text(signature, spec)} nor several of them",
        fix=f"store calls in a stack: [number, {', '.join(map(str, known))}]",
    )
