"""Looks for hazards in an artifact's bytes, by what its source computes; no framework is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..artifact import Format
from ..checkpoints.malformed import Malformed
from ..hazards import Hazard, HazardCode
from ..signature import Signature, TensorSpec
from .executorch import ExecutorchReader, read_executorch
from .findings import Contents, TensorFacts
from .litert import read_litert
from .litert_variants import litert_variants
from .onnx import OnnxReader
from .onnx_variants import onnx_variants
from .resampling import difference, is_alike
from .variants import Variants, Window

_Reader = tuple[Callable[[memoryview], Contents], Callable[[memoryview], Variants]]
# TorchScript calls the operators of its source by their names, with their arguments: nothing changes on the way.
_READERS: Mapping[str, _Reader] = {
    Format.ONNX: (lambda data: OnnxReader().read(data), onnx_variants),
    Format.LITERT: (read_litert, litert_variants),
    Format.EXECUTORCH: (read_executorch, lambda data: ExecutorchReader(data).variants()),
}
_RESIZE = "give sizes that are multiples, or sizes instead of factors, or resize before the model"
_PADDING = "pad with an operator of its own before a convolution without padding"
_GELU = "write the formula of the curve out, or use the one that this format has"
_NARROWED = "keep the values below 2147483648, or use a format that keeps int64"
_FIXED = "name the dimension with --dynamic, or hand over tensors of just this size"
_REORDERED = "make constants and example inputs contiguous before the conversion, and hand over contiguous tensors"
_DAMAGED = "report this as a bug"


def hazards_in(payload: bytes, format_name: str, signature: Signature, source: Variants) -> Iterator[Hazard]:
    """What differs between an artifact and its source, or is known to be read wrongly."""
    if format_name not in _READERS:
        return
    contents_of, variants_of = _READERS[format_name]
    data = memoryview(payload)
    try:
        contents, variants = contents_of(data), variants_of(data)
        moved = tuple(ExecutorchReader(data).reordered()) if format_name == Format.EXECUTORCH else ()
    except Malformed as error:
        yield Hazard(code=HazardCode.UNREAD, reason=f"the artifact could not be looked at: {error}", fix=_DAMAGED)
        return
    yield from _resizes(variants, source)
    yield from _paddings(variants, source)
    yield from _gelus(variants, source)
    yield from _interface(contents, signature)
    yield from _constants(contents, source)
    if moved:
        reason = f"{', '.join(moved[:3])} stand in channels-last order, and ExecuTorch reads some such as contiguous"
        yield Hazard(code=HazardCode.CHANNELS_LAST, reason=reason, fix=_REORDERED)


def _resizes(artifact: Variants, source: Variants) -> Iterator[Hazard]:
    for made in artifact.resizes:
        candidates = [resize for resize in source.resizes if resize.mode == made.mode]
        if candidates and not any(is_alike(made, resize) for resize in candidates):
            reason = f"the artifact {difference(made, candidates[0])}"
            places = tuple(resize.place for resize in candidates)
            yield Hazard(code=HazardCode.RESIZE_MODE, reason=reason, fix=_RESIZE, places=places)


def _paddings(artifact: Variants, source: Variants) -> Iterator[Hazard]:
    for made in artifact.windows:
        alike = [window for window in source.windows if _shape(window) == _shape(made)]
        if not alike or made.pads is None or not any(map(any, made.pads)) or any(w.pads == made.pads for w in alike):
            continue
        places = tuple(window.place for window in alike)
        reason = f"the artifact pads a convolution by {_words(made)}, and the source {_words(alike[0])}"
        yield Hazard(code=HazardCode.ASYMMETRIC_PADDING, reason=reason, fix=_PADDING, places=places)


def _gelus(artifact: Variants, source: Variants) -> Iterator[Hazard]:
    known = {gelu.curve for gelu in source.gelus} | source.curves
    for made in artifact.gelus:
        if source.gelus and made.curve not in known:
            reason = f"the artifact computes GELU by {made.curve}, and the source by {source.gelus[0].curve}"
            places = tuple(gelu.place for gelu in source.gelus)
            yield Hazard(code=HazardCode.GELU_VARIANT, reason=reason, fix=_GELU, places=places)


def _interface(contents: Contents, signature: Signature) -> Iterator[Hazard]:
    for side, facts, specs in (
        ("input", contents.inputs, signature.inputs),
        ("output", contents.outputs, signature.outputs),
    ):
        for fact, spec in _paired(facts, specs):
            if spec.dtype == "int64" and fact.dtype == "int32":
                reason = f"the {side} {spec.name!r} is int64 in the source and int32 in the artifact"
                yield Hazard(code=HazardCode.NARROWED_INTEGERS, reason=reason, fix=_NARROWED)
            for axis, name, size in _closed(fact, spec):
                reason = f"axis {axis} of the {side} {spec.name!r} ({name}) is open in the source and {size} here"
                yield Hazard(code=HazardCode.FIXED_DIMENSION, reason=reason, fix=_FIXED)


def _constants(contents: Contents, source: Variants) -> Iterator[Hazard]:
    if source.wide and "int64" not in contents.weights.elements:
        reason = "the artifact stores no int64, and the source has constants that 32 bits do not hold"
        yield Hazard(code=HazardCode.NARROWED_INTEGERS, reason=reason, fix=_NARROWED, places=source.wide)


def _paired(facts: tuple[TensorFacts, ...], specs: tuple[TensorSpec, ...]) -> Iterator[tuple[TensorFacts, TensorSpec]]:
    """Tensors of the artifact beside those of the source: by their names, by their order where one has none."""
    by_name = {fact.name: fact for fact in facts}
    if all(spec.name in by_name for spec in specs):
        yield from ((by_name[spec.name], spec) for spec in specs)
    elif len(facts) == len(specs):
        yield from zip(facts, specs, strict=True)


def _closed(fact: TensorFacts, spec: TensorSpec) -> Iterator[tuple[int, str, int]]:
    """The axes that the source leaves open and the artifact does not: number, name and size."""
    if fact.shape is None or len(fact.shape) != len(spec.shape):
        return
    for axis, (size, wanted) in enumerate(zip(fact.shape, spec.shape, strict=True)):
        if isinstance(wanted, str) and isinstance(size, int):
            yield axis, wanted, size


def _shape(window: Window) -> tuple[tuple[int, ...], ...]:
    return window.kernel, window.stride, window.dilation


def _words(window: Window) -> str:
    if window.pads is None:
        return "by what the size of its input asks for"
    return ", ".join(f"{before}+{behind}" for before, behind in window.pads)
