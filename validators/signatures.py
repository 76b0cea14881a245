"""Sets the signature that a file declares beside the source's: names, order, dtypes, ranks, fixed sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..converters.layouts import move_axes
from ..converters.signature import Signature, TensorSpec
from .parity import Cause, Finding

_FIX = "convert again from the source; if it stays, report it with the model"


def check_signature(source: Signature, declared: Signature, *, layouts: Mapping[str, str]) -> tuple[Finding, ...]:
    """What differs between the source's signature and the one an artifact's file declares.

    `layouts` names the tensors whose axes were moved on request, as in Artifact. A size that the file leaves
    open is no difference: what it really gives is seen when it runs.
    """
    expected = move_axes(source, layouts)
    return (
        *_names(expected.inputs, declared.inputs, "input", (Cause.INPUT_NAMES, Cause.INPUT_ORDER)),
        *_names(expected.outputs, declared.outputs, "output", (Cause.MISSING_OUTPUT, Cause.OUTPUT_ORDER)),
        *_tensors(expected.inputs, declared.inputs, "input", (Cause.INPUT_DTYPE, Cause.INPUT_SHAPE)),
        *_tensors(expected.outputs, declared.outputs, "output", (Cause.DTYPE, Cause.SHAPE)),
    )


def _names(
    source: tuple[TensorSpec, ...], declared: tuple[TensorSpec, ...], what: str, causes: tuple[Cause, Cause]
) -> Iterator[Finding]:
    wanted, found = [spec.name for spec in source], [spec.name for spec in declared]
    if wanted == found:
        return
    other_names, other_order = causes
    if sorted(wanted) == sorted(found):
        reason = f"the file has its {what}s in the order {found}, the source in the order {wanted}"
        yield Finding(code=other_order, reason=reason, fix=_FIX)
    else:
        yield Finding(code=other_names, reason=f"the file's {what}s are {found}, the source's {wanted}", fix=_FIX)


def _tensors(
    source: tuple[TensorSpec, ...], declared: tuple[TensorSpec, ...], what: str, causes: tuple[Cause, Cause]
) -> Iterator[Finding]:
    other_dtype, other_shape = causes
    found = {spec.name: spec for spec in declared}
    for spec in source:
        other = found.get(spec.name)
        if other is None:
            continue
        if spec.dtype != other.dtype:
            reason = f"{what} {spec.name!r} is {other.dtype} in the file and {spec.dtype} in the source"
            yield Finding(
                code=other_dtype, reason=reason, fix="cast inside the model to the dtype that the format keeps"
            )
        fixed = _dims_that_became_fixed(spec, other)
        if fixed:
            reason = f"{what} {spec.name!r} is {list(other.shape)} in the file: {', '.join(fixed)} became fixed"
            fix = "convert to a format that keeps this dimension (`edgeproof formats`), or leave out --dynamic"
            yield Finding(code=Cause.DYNAMIC_FIXED, reason=reason, fix=fix)
        elif not _shapes_agree(spec, other):
            reason = f"{what} {spec.name!r} is {list(other.shape)} in the file and {list(spec.shape)} in the source"
            yield Finding(code=other_shape, reason=reason, fix=_FIX)


def _dims_that_became_fixed(source: TensorSpec, declared: TensorSpec) -> list[str]:
    if len(source.shape) != len(declared.shape):
        return []
    return [
        repr(size)
        for size, other in zip(source.shape, declared.shape, strict=True)
        if isinstance(size, str) and isinstance(other, int)
    ]


def _shapes_agree(source: TensorSpec, declared: TensorSpec) -> bool:
    return len(source.shape) == len(declared.shape) and all(
        size == other or isinstance(other, str) for size, other in zip(source.shape, declared.shape, strict=True)
    )
