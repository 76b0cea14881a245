"""Compares LiteRT files of one model at several sizes: the same operators on the same wires, or an error in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ..errors import ConversionError

FIX = "leave these dimensions out of --dynamic for LiteRT, or leave litert out of --to"
_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
# RESHAPE stores its sizes a second time, and the tensor with them is what counts.
_SIZES_TWICE = "newShape"
_WINDOWS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D"})


def refuse_differences(models: Sequence[Any]) -> None:
    """Raise ConversionError unless the models differ in sizes and in constants alone."""
    first, *others = models
    for other in others:
        _same(len(first.subgraphs), len(other.subgraphs), "its subgraphs are not the same ones")
        for one, two in zip(first.subgraphs, other.subgraphs, strict=True):
            _compare_operators(first, one, other, two)
            _same(list(one.inputs), list(two.inputs), "its inputs are not the same ones")
            _same(list(one.outputs), list(two.outputs), "its outputs are not the same ones")
            _same(len(one.tensors), len(two.tensors), "it has more tensors at one size than at another")
            _refuse_uneven_padding(first, one, two)
            for left, right in zip(one.tensors, two.tensors, strict=True):
                _compare_tensors(first, left, other, right)


def name_of(model: Any, operator: Any) -> str:
    """What an operator is called in the format."""
    return _NAMES[model.operatorCodes[operator.opcodeIndex].builtinCode]


def place_of(graph: Any, operator: Any) -> str:
    """Where in the model an operator comes from, such as " in Sequential_0/Linear_5", or "" if unknown."""
    names = [graph.tensors[index].name for index in operator.outputs]
    text = (names[0] or b"").decode(errors="replace").partition(";")[0] if names else ""
    parts = [part.rpartition(".")[2] for part in text.split("/")]
    return f" in {'/'.join(parts[1:])}" if len(parts) > 1 else ""


def data_of(model: Any, tensor: Any) -> np.ndarray | None:
    """The bytes of a constant, or None."""
    buffer = model.buffers[tensor.buffer]
    if buffer.offset > 1:
        raise ConversionError("a model over 2 GiB with open sizes does not go into LiteRT", fix=FIX)
    return buffer.data if buffer.data is not None and len(buffer.data) else None


def _compare_operators(first: Any, one: Any, other: Any, two: Any) -> None:
    for left, right in zip(one.operators, two.operators, strict=False):
        name, place = name_of(first, left), place_of(one, left)
        _same(name, name_of(other, right), f"an operator{place} is {name} or {name_of(other, right)}")
        _same(list(left.outputs), list(right.outputs), f"{name}{place} writes other tensors")
        _same(_inputs(left), _inputs(right), f"{name}{place} reads other tensors")
        for options in ("builtinOptions", "builtinOptions2", "customOptions"):
            _same(
                _plain(getattr(left, options)), _plain(getattr(right, options)), f"the options of {name}{place} change"
            )
    _same(len(one.operators), len(two.operators), "there are more operators at one size than at another")


def _refuse_uneven_padding(model: Any, one: Any, two: Any) -> None:
    """A strided window with SAME padding begins at another place on even sizes than on odd ones; PyTorch's never do."""
    for operator in one.operators:
        options: Any = operator.builtinOptions
        if name_of(model, operator) not in _WINDOWS or options.padding != schema.Padding.SAME:
            continue
        given = operator.inputs[0]
        for axis, stride, window in zip(
            (1, 2), (options.strideH, options.strideW), _window(one, operator), strict=True
        ):
            opened = one.tensors[given].shape[axis] != two.tensors[given].shape[axis]
            what = f"{name_of(model, operator)}{place_of(one, operator)} pads with strides of {stride}"
            _same(opened and stride > 1 and window > 1, two=False, what=what)


def _window(graph: Any, operator: Any) -> tuple[int, int]:
    """Height and width of what an operator looks at."""
    options = operator.builtinOptions
    if hasattr(options, "filterHeight"):
        return options.filterHeight, options.filterWidth
    _, height, width, _ = graph.tensors[operator.inputs[1]].shape
    return height, width


def _compare_tensors(first: Any, one: Any, other: Any, two: Any) -> None:
    what = f"{(one.name or b'').decode(errors='replace')} is another kind of tensor"
    _same(_kind(first, one), _kind(other, two), what)


def _kind(model: Any, tensor: Any) -> tuple[int, int, bool]:
    """Dtype, rank, and whether it is a constant."""
    return tensor.type, len(tensor.shape), data_of(model, tensor) is not None


def _inputs(operator: Any) -> list[int]:
    return [] if operator.inputs is None else list(operator.inputs)


def _plain(value: Any) -> Any:
    """Options as values that can be compared."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "__dict__"):
        return {key: _plain(item) for key, item in vars(value).items() if key != _SIZES_TWICE}
    return value


def _same(one: Any, two: Any, what: str) -> None:
    if one != two:
        raise ConversionError(f"LiteRT cannot keep these sizes open, as its graph depends on them: {what}", fix=FIX)
