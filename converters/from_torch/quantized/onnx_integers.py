"""Finishes the ONNX model of a quantised program: dynamic products in integers, pads inside convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

_FLOAT = ir.DataType.FLOAT
_UINT8 = ir.DataType.UINT8
_INTEGER_LAYERS = frozenset({"Conv", "Gemm", "MatMul"})
_ROUNDED_BY_SESSIONS = frozenset({"Conv", "ConvTranspose", "Gemm"})


def finish_integers(model: ir.Model) -> None:
    """Rewrite the graph in place."""
    for node in list(model.graph):
        if node.op_type == "QuantizeLinear":
            _settle(model.graph, node)
    for node in list(model.graph):
        if node.op_type == "MatMul":
            _multiply_integers(model.graph, node)
        elif node.op_type == "Conv":
            _take_pad_in(model.graph, node)
    _drop_unused(model.graph)
    for node in list(model.graph):
        if node.op_type == "DequantizeLinear" and node.inputs[0] is not None and node.inputs[0].producer() is None:
            _let_fold(model.graph, node)
    for node in list(model.graph):
        if node.op_type in _ROUNDED_BY_SESSIONS:
            _keep_in_float(model.graph, node)


def _settle(graph: ir.Graph, node: ir.Node) -> None:
    """Say that integers are uint8, and round only once what DynamicQuantizeLinear has rounded already."""
    node.outputs[0].dtype = _UINT8
    chooser = _producer(node.inputs[1], "DynamicQuantizeLinear")
    if chooser is None:
        return
    integers, scale, zero_point = chooser.outputs
    for value, dtype in ((integers, _UINT8), (scale, _FLOAT), (zero_point, _UINT8)):
        value.dtype = dtype
    scale.shape, zero_point.shape, integers.shape = ir.Shape(()), ir.Shape(()), node.outputs[0].shape
    _replace(node.outputs[0], integers)
    graph.remove(node, safe=True)


def _multiply_integers(graph: ir.Graph, node: ir.Node) -> None:
    """Multiply the integers of a measured tensor with stored ones, and the product with both scales.

    onnxruntime fuses these five operators, and an addition behind them, into one: DynamicQuantizeMatMul.
    """
    found = _measured_and_stored(node)
    if found is None:
        return
    left, right = found
    weights, scales = _inputs(right)[:2]
    zero = _stored(graph, f"{weights.name}_zero_point", np.zeros((), np.int8))
    product = _call(graph, node, "MatMulInteger", [left.inputs[0], weights, left.inputs[2], zero])
    product.shape, product.dtype = node.outputs[0].shape, ir.DataType.INT32
    steps = _call(graph, node, "Mul", [left.inputs[1], scales])
    _take_place(graph, node, _call(graph, node, "Mul", [_call(graph, node, "Cast", [product], to=int(_FLOAT)), steps]))


def _let_fold(graph: ir.Graph, node: ir.Node) -> None:
    """Write weights of a layer that computes in float as a cast and a product, which are computed when it is loaded.

    onnxruntime 1.32 folds neither a DequantizeLinear nor what depends on it: it would run at every call, and the layer
    without its weights arranged (crepe_tiny 29 ms instead of 4), or in MatMulNBits, which rounds activations too.
    """
    if all(_computes_in_integers(user) for user, _ in node.outputs[0].uses()):
        return
    integers, scales = _inputs(node)[:2]
    spread = _array(scales)
    if spread.ndim:
        axis = node.attributes["axis"].as_int()
        shape = [-1 if place == axis else 1 for place in range(_array(integers).ndim)]
        scales = _stored(graph, f"{scales.name}_spread", spread.reshape(shape))
    real = _call(graph, node, "Cast", [integers], to=int(_FLOAT))
    _take_place(graph, node, _call(graph, node, "Mul", [real, scales]))


def _keep_in_float(graph: ir.Graph, node: ir.Node) -> None:
    """Put a copy before a layer that is meant to compute in float though it reads integers.

    onnxruntime would round its float weights to 8 bits, with one scale for all of them, if a QuantizeLinear comes after
    it (https://github.com/microsoft/onnxruntime/pull/22969, and /pull/25673 for other operators in between): a layer
    that was left in float because it must not be rounded. It looks for a DequantizeLinear directly before the layer,
    and leaves a Max of one tensor where it stands.
    """
    value, weights = _inputs(node)[:2]
    reads_integers = _producer(value, "DequantizeLinear") is not None
    if reads_integers and _producer(weights, "DequantizeLinear") is None:
        copy = _call(graph, node, "Max", [value])
        copy.shape, copy.type = value.shape, value.type
        node.replace_input_with(0, copy)


def _computes_in_integers(node: ir.Node) -> bool:
    value = _producer(node.inputs[0], "DequantizeLinear")
    return node.op_type in _INTEGER_LAYERS and value is not None and value.inputs[0].producer() is not None  # type: ignore[union-attr]


def _measured_and_stored(node: ir.Node) -> tuple[ir.Node, ir.Node] | None:
    """Where a layer's input, measured as it runs, and its stored weights are dequantised; None if they are not."""
    left, right = (_producer(value, "DequantizeLinear") for value in node.inputs[:2])
    if left is None or right is None or _inputs(right)[0].producer() is not None:
        return None
    return (left, right) if _producer(left.inputs[0], "DynamicQuantizeLinear") is not None else None


def _take_pad_in(graph: ir.Graph, node: ir.Node) -> None:
    """Let a convolution pad its input itself: zero is on every grid."""
    outer = _producer(node.inputs[0], "DequantizeLinear")
    rounding = None if outer is None else _producer(outer.inputs[0], "QuantizeLinear")
    pad = None if rounding is None else _producer(rounding.inputs[0], "Pad")
    together = None if pad is None else _pads_together(pad, node)
    if outer is None or rounding is None or pad is None or together is None:
        return
    inner = _producer(pad.inputs[0], "DequantizeLinear")
    if inner is not None and _same_grid(outer, inner):
        source = inner.outputs[0]
    else:
        integers = _call(graph, rounding, "QuantizeLinear", [pad.inputs[0], *rounding.inputs[1:]])
        source = _call(graph, rounding, "DequantizeLinear", [integers, *outer.inputs[1:]])
        integers.dtype, source.dtype = _UINT8, _FLOAT
    node.attributes["pads"] = ir.AttrInt64s("pads", together)
    node.replace_input_with(0, source)


def _pads_together(pad: ir.Node, node: ir.Node) -> list[int] | None:
    """The pads of a convolution with those of a Pad before it; None if they cannot be joined."""
    amounts = _zero_pads(pad)
    if amounts is None or "pads" not in node.attributes:
        return None
    rank = len(amounts) // 2
    outside = [*amounts[:2], *amounts[rank : rank + 2]]
    spatial = [*amounts[2:rank], *amounts[rank + 2 :]]
    if any(outside) or any(size < 0 for size in spatial):
        return None
    return [one + other for one, other in zip(node.attributes["pads"].as_ints(), spatial, strict=True)]


def _same_grid(one: ir.Node, other: ir.Node) -> bool:
    return all(
        left is not None and right is not None and _same_constant(left, right)
        for left, right in zip(one.inputs[1:], other.inputs[1:], strict=False)
    )


def _same_constant(left: ir.Value, right: ir.Value) -> bool:
    if left is right:
        return True
    values = [value.const_value for value in (left, right)]
    return all(value is not None for value in values) and bool(
        np.array_equal(values[0].numpy(), values[1].numpy())  # type: ignore[union-attr]
    )


def _zero_pads(pad: ir.Node) -> list[int] | None:
    """How much a Pad adds before and after each axis, if it adds zeros and is constant."""
    mode = pad.attributes.get("mode")
    amounts = None if pad.inputs[1] is None else pad.inputs[1].const_value
    filling = pad.inputs[2] if len(pad.inputs) > 2 else None
    zero = filling is None or (filling.const_value is not None and not filling.const_value.numpy().any())
    plain = (mode is None or mode.as_string() == "constant") and len(pad.inputs) < 4
    return [int(amount) for amount in amounts.numpy()] if amounts is not None and zero and plain else None


def _inputs(node: ir.Node) -> list[ir.Value]:
    return [value for value in node.inputs if value is not None]


def _array(value: ir.Value) -> np.ndarray:
    """What a constant holds."""
    assert value.const_value is not None
    return value.const_value.numpy()


def _producer(value: ir.Value | None, kind: str) -> ir.Node | None:
    node = None if value is None else value.producer()
    return node if node is not None and node.op_type == kind else None


def _call(graph: ir.Graph, before: ir.Node, kind: str, inputs: list[Any], **attributes: int) -> ir.Value:
    made = ir.node(kind, inputs, attributes)
    made.outputs[0].name = f"{before.outputs[0].name}_{kind.lower()}_{sum(1 for _ in graph)}"
    graph.insert_before(before, made)
    return made.outputs[0]


def _take_place(graph: ir.Graph, node: ir.Node, result: ir.Value) -> None:
    result.shape, result.type = node.outputs[0].shape, node.outputs[0].type
    _replace(node.outputs[0], result)
    graph.remove(node, safe=True)


def _replace(old: ir.Value, new: ir.Value) -> None:
    ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)


def _stored(graph: ir.Graph, name: str, array: np.ndarray) -> ir.Value:
    """An initializer, once for all that are made of one constant in the same way: layers may share their weights."""
    known = graph.initializers.get(name)
    if known is not None and np.array_equal(_array(known), array):
        return known
    value = ir.val(name, const_value=ir.tensor(array, name=name))
    value.shape, value.dtype = ir.Shape(array.shape), ir.DataType.from_numpy(array.dtype)
    graph.register_initializer(value)
    return value


def _drop_unused(graph: ir.Graph) -> None:
    for node in reversed(list(graph)):
        if not any(value.uses() or value.is_graph_output() for value in node.outputs):
            graph.remove(node, safe=True)
    for name in [name for name, value in graph.initializers.items() if not value.uses()]:
        if not graph.initializers[name].is_graph_output():
            del graph.initializers[name]
