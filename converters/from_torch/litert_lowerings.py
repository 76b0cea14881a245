"""Lowers the commonest operators to StableHLO directly, where litert-torch goes through JAX.

litert-torch 0.10.0 lowers nearly every operator by tracing a JAX function, printing it as text, serialising that,
parsing it again and inlining it, for every new combination of shapes: 50 ms each. Transposes, copies and reshapes,
which the change of layout leaves everywhere, are one StableHLO operator or none, and so is arithmetic on two tensors
of one shape. Its products of int64 tensors of unlike shapes would lose their upper halves: it computes them in 32 bits.
All other cases stay with JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from litert_converter.mlir import ir
from litert_converter.mlir.dialects import stablehlo
from litert_torch.backend import lowerings
from litert_torch.backend.lowerings import utils

_aten = torch.ops.aten
_ARITHMETIC: dict[Any, Callable[[Any, Any], Any]] = {
    _aten.add.Tensor: stablehlo.add,
    _aten.sub.Tensor: stablehlo.subtract,
    _aten.mul.Tensor: stablehlo.multiply,
}
_DIRECT = "_edgeproof_direct"


def register() -> None:
    """Make litert-torch lower these operators directly, in this process; calling it again changes nothing."""
    _put(_aten.permute.default, _permute)
    _put(_aten.clone.default, _clone)
    _put(_aten.view.default, _view)
    for target, write in _ARITHMETIC.items():
        _put(target, _arithmetic(write))


def _put(target: Any, direct: Callable[..., Any]) -> None:
    """Let `direct` lower what it can; where it gives None, whatever was registered before does."""
    before: Any = lowerings.lookup(target)
    if hasattr(before, _DIRECT):
        return

    def lower(context: Any, *arguments: Any, **options: Any) -> Any:
        result = direct(*arguments, **options)
        return before(context, *arguments, **options) if result is None else result

    setattr(lower, _DIRECT, True)
    lowerings.lower(target)(lower)


def _permute(value: Any, axes: Sequence[int]) -> Any:
    rank = len(value.type.shape)
    return stablehlo.transpose(value, ir.DenseI64ArrayAttr.get([axis % rank for axis in axes]))


def _clone(value: Any, **_options: Any) -> Any:
    return value


def _view(value: Any, shape: Sequence[Any]) -> Any:
    if not value.type.has_static_shape or not all(isinstance(size, int) and size >= 0 for size in shape):
        return None
    return stablehlo.reshape(ir.RankedTensorType.get(list(shape), value.type.element_type), value)


def _arithmetic(write: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def lower(one: Any, other: Any, *rest: Any, **options: Any) -> Any:
        if rest or options or not all(isinstance(value, ir.Value) for value in (one, other)):
            return None
        if one.type.element_type != other.type.element_type or not _are_static(one, other):
            return None
        if one.type != other.type:
            if not _is_wide(one):
                return None
            one, other = utils.broadcast_args_if_needed(one, other)
        return write(one, other)

    return lower


def _are_static(*values: Any) -> bool:
    return all(value.type.has_static_shape for value in values)


def _is_wide(value: Any) -> bool:
    return isinstance(value.type.element_type, ir.IntegerType) and value.type.element_type.width == 64
