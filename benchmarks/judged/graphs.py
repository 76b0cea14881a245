"""Faults in the graph of an ONNX artifact: an attribute or an operator that is not the source's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
from onnx import helper, numpy_helper

Edit = Callable[[onnx.GraphProto], bool]


def edited(file: Path, edit: Edit) -> bytes | None:
    """The file with its graph changed; None if there is nothing in it to change."""
    model = onnx.load(str(file))
    return model.SerializeToString() if edit(model.graph) else None


def _middle(graph: onnx.GraphProto, *kinds: str) -> onnx.NodeProto | None:
    found = [node for node in graph.node if node.op_type in kinds]
    return found[len(found) // 2] if found else None


def _attribute(node: onnx.NodeProto, name: str) -> onnx.AttributeProto | None:
    return next((each for each in node.attribute if each.name == name), None)


def padding_on_the_other_side(graph: onnx.GraphProto) -> bool:
    """A convolution's uneven padding before instead of behind, or a pixel of its even padding moved."""
    convolutions = [node for node in graph.node if node.op_type in {"Conv", "MaxPool"}]
    for node in convolutions[len(convolutions) // 2 :] + convolutions:
        pads = _attribute(node, "pads")
        if pads is not None and sum(pads.ints):
            half = len(pads.ints) // 2
            before, behind = list(pads.ints[:half]), list(pads.ints[half:])
            moved = [(b + 1, a - 1) if b == a else (a, b) for b, a in zip(before, behind, strict=True)]
            pads.ints[:] = [pair[0] for pair in moved] + [pair[1] for pair in moved]
            return True
    return False


def relu6_as_relu(graph: onnx.GraphProto) -> bool:
    """Every clip loses its upper bound."""
    changed = False
    for node in graph.node:
        if node.op_type == "Clip" and len(node.input) == 3:
            node.input[2] = ""
            changed = True
    return changed


def tanh_gelu(graph: onnx.GraphProto) -> bool:
    """The approximation instead of the function."""
    changed = False
    for node in graph.node:
        if node.op_type == "Gelu":
            del node.attribute[:]
            node.attribute.append(helper.make_attribute("approximate", "tanh"))
            changed = True
    return changed


def another_epsilon(graph: onnx.GraphProto) -> bool:
    """1e-3 in the middle one of the normalisations."""
    node = _middle(graph, "BatchNormalization", "LayerNormalization", "InstanceNormalization")
    if node is None:
        return False
    old = _attribute(node, "epsilon")
    if old is not None:
        node.attribute.remove(old)
    node.attribute.append(helper.make_attribute("epsilon", 1e-3))
    return True


def average_for_max(graph: onnx.GraphProto) -> bool:
    """One pooling layer is of the other kind."""
    node = _middle(graph, "MaxPool")
    if node is None:
        return False
    node.op_type = "AveragePool"
    for name in ("storage_order", "dilations"):
        old = _attribute(node, name)
        if old is not None:
            node.attribute.remove(old)
    return True


def bias_left_out(graph: onnx.GraphProto) -> bool:
    """The bias of the middle layer is zero."""
    named = {tensor.name: tensor for tensor in graph.initializer}
    layers = [
        node for node in graph.node
        if node.op_type in {"Conv", "Gemm", "ConvTranspose"} and len(node.input) > 2 and node.input[2] in named
    ]  # fmt: skip
    if not layers:
        return False
    tensor = named[layers[len(layers) // 2].input[2]]
    tensor.CopyFrom(numpy_helper.from_array(0 * numpy_helper.to_array(tensor), tensor.name))
    return True


def float16_inside(graph: onnx.GraphProto) -> bool:
    """What the middle layer gives is rounded to half precision on its way."""
    node = _middle(graph, "Conv", "Gemm", "MatMul", "LSTM", "GRU")
    if node is None:
        return False
    place = list(graph.node).index(node)
    name = node.output[0]
    node.output[0] = f"{name}_wide"
    half = helper.make_node("Cast", [f"{name}_wide"], [f"{name}_half"], to=onnx.TensorProto.FLOAT16)
    back = helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT)
    graph.node.insert(place + 1, half)
    graph.node.insert(place + 2, back)
    return True


def softmax_over_another_axis(graph: onnx.GraphProto) -> bool:
    """The middle softmax runs over the first axis."""
    node = _middle(graph, "Softmax")
    if node is None:
        return False
    del node.attribute[:]
    node.attribute.append(helper.make_attribute("axis", 0))
    return True


def transposed_wrongly(graph: onnx.GraphProto) -> bool:
    """The middle transpose leaves its last two axes in the order in which they were."""
    found = [node for node in graph.node if node.op_type == "Transpose"]
    if not found:
        return False
    order = _attribute(found[len(found) // 2], "perm")
    if order is None or len(order.ints) < 3:
        return False
    order.ints[-2:] = list(reversed(order.ints[-2:]))
    return True


EDITS: dict[str, Edit] = {
    "padding on the other side": padding_on_the_other_side,
    "relu6 as relu": relu6_as_relu,
    "tanh gelu for erf gelu": tanh_gelu,
    "epsilon 1e-3 in one normalisation": another_epsilon,
    "average pooling for max pooling": average_for_max,
    "a bias left out": bias_left_out,
    "one layer through float16 arithmetic": float16_inside,
    "softmax over another axis": softmax_over_another_axis,
    "a transpose with two axes exchanged": transposed_wrongly,
}
