"""Finds the convolutions and matrix products that an ExecuTorch program calls itself, beside its delegates.

Those are float kernels: the portable library has none on integers. Field numbers as in executorch.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..checkpoints.malformed import pick
from ..quantization.execution import HeavyOperator, Kernel
from .flatbuffer import Table

# Which argument the weights are, and whether the weights have their outputs first.
_HEAVY = {
    "aten::convolution.out": (1, True),
    "aten::linear.out": (1, True),
    "aten::mm.out": (1, False),
    "aten::addmm.out": (2, False),
}
_SIZES = 2
_REASON = "a portable kernel computes it, outside XNNPACK"


def heavy_kernels(calls: list[tuple[str, tuple[int, ...]]], values: list[Table]) -> Iterator[HeavyOperator]:
    """Those among a method's calls, each an operator and the places of its arguments; raises Malformed."""
    for number, (name, arguments) in enumerate(calls):
        if name not in _HEAVY:
            continue
        weights, outputs_first = _HEAVY[name]
        shape = _shape(pick(values, pick(arguments, weights, "argument"), "value"))
        result = _shape(pick(values, arguments[-1], "value"))
        yield HeavyOperator(
            name=f"{name.partition('::')[2].removesuffix('.out')}_{number}",
            operator=name.partition("::")[2].removesuffix(".out"),
            macs=_product(result) * _product(shape[1:] if outputs_first else shape[:-1]),
            kernel=Kernel.FLOAT,
            reason=_REASON,
        )


def _shape(value: Table) -> tuple[int, ...]:
    tensor = value.table(1)
    return () if tensor is None else tensor.numbers(_SIZES, "i") or ()


def _product(sizes: tuple[int, ...]) -> int:
    count = 1
    for size in sizes:
        count *= size
    return count
