"""Operators that work element by element, on tensors and on known numbers alike."""

from __future__ import annotations

import math
import operator as python
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..dtypes import torch_dtype
from ..graph import Node
from ..values import Known, Number, Value, as_number, as_numbers, as_tensor, is_number, known
from .calling import Operator, Results, on_tensors, plain

Arithmetic = Callable[[Any, Any], Any]


def _combined(one: Known, other: Known, function: Arithmetic, dtype: torch.dtype) -> Known:
    left, right = np.broadcast_arrays(one.numbers, other.numbers)
    result = np.empty(left.shape, dtype=object)
    for index in np.ndindex(*left.shape):
        result[index] = function(left[index], right[index])
    return known(result, dtype)


def _number_or_tensor(value: Value, partner: Tensor) -> Any:
    """A lone known number stays a number where that cannot change the shape of the result."""
    if is_number(value) and len(value.shape) <= partner.ndim:
        return as_number(value)
    return as_tensor(value)


def binary(on_tensor: Arithmetic, on_number: Arithmetic, *, dtype: torch.dtype | None = None) -> Operator:
    """An operator whose result does not depend on which side a number is passed on."""

    def operator(node: Node, one: Value, other: Value) -> Results:
        del node
        if isinstance(one, Known) and isinstance(other, Known):
            return _combined(one, other, on_number, dtype or one.dtype)
        tensor = as_tensor(one)
        return on_tensor(tensor, _number_or_tensor(other, tensor))

    return operator


def commutative(on_tensor: Arithmetic, on_number: Arithmetic, *, dtype: torch.dtype | None = None) -> Operator:
    """Like `binary`, with the operands swapped where only the first is a number."""
    straight = binary(on_tensor, on_number, dtype=dtype)

    def operator(node: Node, one: Value, other: Value) -> Results:
        swap = isinstance(one, Known) and not isinstance(other, Known)
        return straight(node, other, one) if swap else straight(node, one, other)

    return operator


def variadic(step: Operator) -> Operator:
    """An operator of any number of inputs, two at a time."""

    def operator(node: Node, *inputs: Value) -> Results:
        return reduce(lambda one, other: step(node, one, other), inputs)  # type: ignore[arg-type, return-value]

    return operator


def subtract(node: Node, one: Value, other: Value) -> Results:
    """Sub: a number minus a tensor is aten's rsub."""
    if is_number(one) and isinstance(other, Tensor) and len(one.shape) <= other.ndim:
        return torch.rsub(other, as_number(one))
    return binary(torch.sub, python.sub)(node, one, other)


def divide(node: Node, one: Value, other: Value) -> Results:
    """Div: integers are divided towards zero, as in C."""
    dtype = one.dtype
    if dtype.is_floating_point:
        return binary(torch.div, python.truediv)(node, one, other)
    return binary(_truncated, _truncated_numbers)(node, one, other)


def _truncated(one: Tensor, other: Any) -> Tensor:
    return torch.div(one, other, rounding_mode="trunc")


def _truncated_numbers(one: Number, other: Number) -> Number:
    return one // other if (one >= 0) == (other > 0) else -((-one) // other)


def modulo(node: Node, one: Value, other: Value) -> Results:
    """Mod: the sign of the divisor, or of the dividend with fmod=1."""
    if node.integer("fmod", 0):
        return binary(torch.fmod, math.fmod)(node, one, other)
    return binary(torch.remainder, python.mod)(node, one, other)


def power(node: Node, base: Value, exponent: Value) -> Results:
    """Pow: the result has the type of the base."""
    del node
    if isinstance(base, Known) and isinstance(exponent, Known):
        return _combined(base, exponent, python.pow, base.dtype)
    tensor = as_tensor(base)
    return torch.pow(tensor, _number_or_tensor(exponent, tensor)).to(tensor.dtype)


def _larger(one: Tensor, other: Any) -> Tensor:
    return torch.maximum(one, other) if isinstance(other, Tensor) else torch.clamp(one, min=other)


def _smaller(one: Tensor, other: Any) -> Tensor:
    return torch.minimum(one, other) if isinstance(other, Tensor) else torch.clamp(one, max=other)


def mean_of(node: Node, *inputs: Value) -> Results:
    """Mean of all inputs, broadcast against each other."""
    total = variadic(commutative(torch.add, python.add))(node, *inputs)
    return as_tensor(total) / len(inputs)  # type: ignore[arg-type]


def clip(node: Node, value: Value, low: Value | None = None, high: Value | None = None) -> Results:
    """Clip: bounds are inputs since opset 11, attributes before."""
    tensor = as_tensor(value)
    if node.opset < 11:
        return torch.clamp(tensor, node.attributes.get("min"), node.attributes.get("max"))
    if low is None and high is None:
        return tensor
    if all(bound is None or is_number(bound) for bound in (low, high)):
        bounds = [None if bound is None else as_number(bound) for bound in (low, high)]
        return torch.clamp(tensor, *bounds)
    tensors = [None if bound is None else as_tensor(bound) for bound in (low, high)]
    return torch.clamp(tensor, *tensors)


def where(node: Node, condition: Value, one: Value, other: Value) -> Results:
    """Where, chosen on the host when everything is known."""
    del node
    if isinstance(condition, Known) and isinstance(one, Known) and isinstance(other, Known):
        arrays = np.broadcast_arrays(condition.numbers, one.numbers, other.numbers)
        chosen = [a if c else b for c, a, b in zip(*(array.reshape(-1) for array in arrays), strict=True)]
        result = np.empty(len(chosen), dtype=object)
        result[:] = chosen
        return known(result.reshape(arrays[0].shape), one.dtype)
    return torch.where(as_tensor(condition), as_tensor(one), as_tensor(other))


def cast(node: Node, value: Value) -> Results:
    """Cast to the element type `to`."""
    return _cast(value, torch_dtype(node.integer("to", 1)))


def cast_like(node: Node, value: Value, like: Value) -> Results:
    """CastLike: to the element type of the second input."""
    del node
    return _cast(value, like.dtype)


def _cast(value: Value, dtype: torch.dtype) -> Results:
    return known(value.numbers, dtype) if isinstance(value, Known) else value.to(dtype)


def negate(node: Node, value: Value) -> Results:
    """Neg."""
    del node
    if isinstance(value, Known):
        return known(np.negative(value.numbers), value.dtype)
    return torch.neg(value)


def invert(node: Node, value: Value) -> Results:
    """Not."""
    del node
    if isinstance(value, Known):
        return known([not number for number in as_numbers(value)], torch.bool) if value.ndim else _not(value)
    return torch.logical_not(value)


def _not(value: Known) -> Known:
    return known(not as_number(value), torch.bool)


def unary(on_tensor: Callable[[Tensor], Tensor], on_number: Callable[[Any], Any]) -> Operator:
    """An operator of one input that tf2onnx also uses in shape arithmetic, which stays on the host."""

    def operator(node: Node, value: Value) -> Results:
        del node
        if isinstance(value, Known):
            result = np.empty(value.shape, dtype=object)
            for index in np.ndindex(*value.shape):
                result[index] = on_number(value.numbers[index])
            return known(result, value.dtype)
        return on_tensor(value)

    return operator


def is_infinite(node: Node, value: Tensor) -> Tensor:
    """IsInf, of either sign or of one."""
    positive, negative = node.integer("detect_positive", 1), node.integer("detect_negative", 1)
    if positive and negative:
        return torch.isinf(value)
    if not positive and not negative:
        return torch.zeros_like(value, dtype=torch.bool)
    return value == (math.inf if positive else -math.inf)


def shift_bits(node: Node, value: Tensor, places: Tensor) -> Tensor:
    """BitShift to the LEFT or to the RIGHT; torch shifts wide unsigned integers only as signed ones."""
    wide, amount = value.to(torch.int64), places.to(torch.int64)
    if node.text("direction", "LEFT") == "LEFT":
        return torch.bitwise_left_shift(wide, amount).to(value.dtype)
    shifted = torch.bitwise_right_shift(wide, amount)
    if value.dtype == torch.uint64:  # the sign bit must not be drawn in from the left
        kept = torch.bitwise_not(torch.bitwise_left_shift(torch.full_like(wide, -1), 64 - amount))
        shifted = torch.where(amount == 0, wide, torch.bitwise_and(shifted, kept))
    return shifted.to(value.dtype)


_ADD = commutative(torch.add, python.add)
_MAXIMUM = commutative(_larger, max)
_MINIMUM = commutative(_smaller, min)
_BOOL = torch.bool

OPERATORS: dict[str, Operator] = {
    "Abs": unary(torch.abs, abs),
    "Acos": plain(torch.acos),
    "Acosh": plain(torch.acosh),
    "Add": _ADD,
    "And": commutative(torch.logical_and, lambda one, other: one and other, dtype=_BOOL),
    "Asin": plain(torch.asin),
    "Asinh": plain(torch.asinh),
    "Atan": plain(torch.atan),
    "Atanh": plain(torch.atanh),
    "BitShift": on_tensors(shift_bits),
    "BitwiseAnd": commutative(torch.bitwise_and, python.and_),
    "BitwiseNot": plain(torch.bitwise_not),
    "BitwiseOr": commutative(torch.bitwise_or, python.or_),
    "BitwiseXor": commutative(torch.bitwise_xor, python.xor),
    "Cast": cast,
    "CastLike": cast_like,
    "Ceil": unary(torch.ceil, lambda number: torch.sym_int(-((-number) // 1))),
    "Clip": clip,
    "Cos": plain(torch.cos),
    "Cosh": plain(torch.cosh),
    "Div": divide,
    "Equal": commutative(torch.eq, python.eq, dtype=_BOOL),
    "Erf": plain(torch.erf),
    "Exp": plain(torch.exp),
    "Floor": unary(torch.floor, lambda number: number // 1),
    "Greater": binary(torch.gt, python.gt, dtype=_BOOL),
    "GreaterOrEqual": binary(torch.ge, python.ge, dtype=_BOOL),
    "IsInf": on_tensors(is_infinite),
    "IsNaN": plain(torch.isnan),
    "Less": binary(torch.lt, python.lt, dtype=_BOOL),
    "LessOrEqual": binary(torch.le, python.le, dtype=_BOOL),
    "Log": plain(torch.log),
    "Max": variadic(_MAXIMUM),
    "Mean": mean_of,
    "Min": variadic(_MINIMUM),
    "Mod": modulo,
    "Mul": commutative(torch.mul, python.mul),
    "Neg": negate,
    "Not": invert,
    "Or": commutative(torch.logical_or, lambda one, other: one or other, dtype=_BOOL),
    "Pow": power,
    "Reciprocal": plain(torch.reciprocal),
    "Round": plain(torch.round),
    "Sign": plain(torch.sign),
    "Sin": plain(torch.sin),
    "Sinh": plain(torch.sinh),
    "Sqrt": plain(torch.sqrt),
    "Sub": subtract,
    "Sum": variadic(_ADD),
    "Tan": plain(torch.tan),
    "Where": where,
    "Xor": commutative(torch.logical_xor, python.ne, dtype=_BOOL),
}
