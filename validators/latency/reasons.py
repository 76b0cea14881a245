"""Why smaller numbers are not faster, or not smaller, as far as the file, the run and the processor tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...converters.artifact import Format
from ...converters.manifest import ArtifactRecord
from ...converters.precision import Precision
from ...converters.processor import Processor
from ...converters.quantization.execution import HeavyOperator, Kernel
from .report import Cause, LatencyRow, Reason

_COMPUTES_IN_INTEGERS = {Precision.INT8, Precision.INT8_DYNAMIC, Precision.INT8_FULL}
_DOT_PRODUCTS = {"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "asimddp", "i8mm", "svei8mm"}
_HALF_ARITHMETIC = {"avx512_fp16", "asimdhp"}
_FLOAT_SHARE = 0.05
_MANY_PARTITIONS = 3
_SMALL_MILLISECONDS = 0.2
_SMALL_MACS = 1_000_000
_WIDE = 0.2
_FEW_WEIGHTS = 0.5
_BYTES_PER_WEIGHT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An artifact beside the fp32 of its format; `parameters` is the number of the source's weights."""

    record: ArtifactRecord
    row: LatencyRow
    base: LatencyRow
    processor: Processor
    parameters: int

    @property
    def heavy(self) -> tuple[HeavyOperator, ...]:
        """The artifact's convolutions and matrix products, where they are known."""
        return self.record.execution.operators if self.record.execution else ()


def why_not_faster(case: Case, *, is_slower: bool) -> tuple[Reason, ...]:
    """All that speaks against it, or that nothing does."""
    found = [reason for check in _CHECKS if (reason := check(case)) is not None]
    if not is_slower and (noise := _noise(case)) is not None:
        found.append(noise)
    if found:
        return tuple(found)
    text = "nothing in the file tells why: this runtime's kernels for it are no faster for these shapes here"
    return (Reason(cause=Cause.UNKNOWN, text=text),)


def why_not_smaller(case: Case) -> tuple[Reason, ...]:
    """What keeps the file large."""
    found = [reason for check in (_few_weights, _float_operators) if (reason := check(case)) is not None]
    unknown = Reason(cause=Cause.UNKNOWN, text=f"`edgeproof inspect {case.record.file}` shows what it holds")
    return tuple(found) or (unknown,)


def _no_dot_product(case: Case) -> Reason | None:
    features = set(case.processor.features)
    if case.row.precision not in _COMPUTES_IN_INTEGERS or not features or features & _DOT_PRODUCTS:
        return None
    name = "VNNI" if case.processor.machine.lower() in {"x86_64", "amd64", "i686"} else "dot product"
    text = f"this processor has no {name} instructions, which make integer kernels faster than those of floats"
    return Reason(cause=Cause.NO_DOT_PRODUCT, text=text)


def _no_half_arithmetic(case: Case) -> Reason | None:
    features = set(case.processor.features)
    if case.row.precision is not Precision.FP16 or not features or features & _HALF_ARITHMETIC:
        return None
    text = "this processor has no float16 arithmetic: numbers are widened to float32 and rounded again"
    return Reason(cause=Cause.NO_HALF_ARITHMETIC, text=text)


def _float_by_design(case: Case) -> Reason | None:
    is_storage = case.row.precision is Precision.INT8_WEIGHTS or (
        case.row.precision is Precision.FP16 and case.row.format == Format.LITERT
    )
    text = f"{case.row.precision} stores weights in fewer bits and computes in float32: it is smaller, and no faster"
    return Reason(cause=Cause.FLOAT_BY_DESIGN, text=text) if is_storage else None


def _no_16_bit_kernels(case: Case) -> Reason | None:
    # https://ai.google.dev/edge/litert/models/post_training_quantization names it among the scheme's disadvantages.
    text = "LiteRT has no optimised kernels for activations in 16 bits"
    return Reason(cause=Cause.NO_16_BIT_KERNELS, text=text) if case.row.precision is Precision.INT16X8 else None


def _float_operators(case: Case) -> Reason | None:
    share = case.row.integer_share
    if case.row.precision not in _COMPUTES_IN_INTEGERS or share is None or 1 - share < _FLOAT_SHARE:
        return None
    floats = [operator for operator in case.heavy if operator.kernel is Kernel.FLOAT]
    text = f"{100 * (1 - share):.0f} % of the multiply-accumulates are computed in float"
    if floats:
        largest = max(floats, key=lambda operator: operator.macs)
        text += f", most of them in {largest.operator} {largest.name}"
        text += f" ({largest.reason})" if largest.reason else ""
    return Reason(cause=Cause.FLOAT_OPERATORS, text=text)


def _dynamic_convolutions(case: Case) -> Reason | None:
    if case.row.precision is not Precision.INT8_DYNAMIC:
        return None
    count = sum("conv" in each.operator.lower() for each in case.heavy if each.kernel is Kernel.INTEGER)
    if not count:
        return None
    text = f"the ranges of {_counted(count, 'convolution')} are measured at every call"
    if case.row.format == Format.ONNX:
        # https://github.com/microsoft/onnxruntime/issues/12854
        text += ", and ONNX Runtime's ConvInteger is not optimised"
    return Reason(cause=Cause.DYNAMIC_CONVOLUTIONS, text=f"{text}: int8 (static) suits convolutions")


def _rounding_between(case: Case) -> Reason | None:
    count = case.row.rounding
    at_the_edges = len(case.record.inputs) + len(case.record.outputs)
    if count is None or count <= at_the_edges or 2 * count < len(case.heavy):
        return None
    text = f"{_counted(count, 'operator')} only to quantise or dequantise are left standing"
    text += f", beside {_counted(len(case.heavy), 'convolution or matrix product')}" if case.heavy else ""
    return Reason(cause=Cause.ROUNDING_BETWEEN, text=text)


def _partitions(case: Case) -> Reason | None:
    ours, base = case.row.partitions, case.base.partitions or 0
    if not ours or ours <= max(_MANY_PARTITIONS, base):
        return None
    text = f"the delegate takes the graph in {ours} pieces (fp32: {base}), and tensors go back and forth between them"
    return Reason(cause=Cause.PARTITIONS, text=text)


def _not_delegated(case: Case) -> Reason | None:
    if case.row.partitions or case.row.rounding is None or not case.base.partitions:
        return None
    return Reason(cause=Cause.NOT_DELEGATED, text="the delegate takes nothing of it, and takes the fp32 artifact")


def _small_model(case: Case) -> Reason | None:
    base = case.base.milliseconds
    macs = sum(operator.macs for operator in case.heavy)
    if macs and macs < _SMALL_MACS:
        text = f"the model is small: {macs:,} multiply-accumulates are less work than a call itself"
    elif base is not None and base.median < _SMALL_MILLISECONDS:
        text = f"the model is small: of the {base.median:.3f} ms in fp32 little is arithmetic that integers could save"
    else:
        return None
    return Reason(cause=Cause.SMALL_MODEL, text=text)


def _few_weights(case: Case) -> Reason | None:
    share = _BYTES_PER_WEIGHT * case.parameters / case.base.bytes if case.base.bytes else 1.0
    if share >= _FEW_WEIGHTS:
        return None
    text = f"weights are {100 * share:.0f} % of the fp32 file, and the rest does not shrink"
    return Reason(cause=Cause.FEW_WEIGHTS, text=text)


def _noise(case: Case) -> Reason | None:
    widest = max(_widths(case), default=0.0)
    if widest < _WIDE:
        return None
    text = f"the quartiles lie {100 * widest:.0f} % of the median apart: measure again when the machine rests"
    return Reason(cause=Cause.NOISE, text=text)


def _widths(case: Case) -> Iterator[float]:
    for row in (case.row, case.base):
        if row.milliseconds is not None:
            yield row.milliseconds.width


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_CHECKS: tuple[Callable[[Case], Reason | None], ...] = (
    _float_by_design,
    _no_dot_product,
    _no_half_arithmetic,
    _no_16_bit_kernels,
    _float_operators,
    _dynamic_convolutions,
    _rounding_between,
    _not_delegated,
    _partitions,
    _small_model,
)
