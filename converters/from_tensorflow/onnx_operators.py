"""ONNX forms of TensorFlow operators that tf2onnx has none or a wrong one for, as its `custom_op_handlers`."""

from __future__ import annotations

from typing import Any

import numpy as np
from tf2onnx import utils
from tf2onnx.onnx_opset.nn import ConvOp


def _erfc(graph: Any, node: Any, _name: str, _arguments: list[Any]) -> None:
    """1 - erf(x), which is how TensorFlow computed its exact GELU before it took to erfc.

    tf2onnx 1.17 leaves Erfc in the graph, and no runtime loads it (https://github.com/onnx/tensorflow-onnx/pull/2463).
    """
    error = graph.make_node("Erf", [node.input[0]])
    number = np.array(1, utils.map_onnx_to_numpy_type(graph.get_dtype(node.input[0])))
    one = graph.make_const(utils.make_name("one"), number)
    node.type = "Sub"
    graph.replace_inputs(node, [one.output[0], error.output[0]])


def _conv3d(graph: Any, node: Any, _name: str, _arguments: list[Any]) -> None:
    """tf2onnx's own form with the number of groups, which tf2onnx 1.17 works out in two dimensions alone."""
    axis = 1 if node.get_attr_str("data_format") == "NCDHW" else -1
    channels, taken = graph.get_shape(node.input[0])[axis], graph.get_shape(node.input[1])[-2]
    ConvOp.version_13(graph, node)
    if channels > 0 and taken > 0:  # -1 is a size that stays open
        node.set_attr("group", channels // taken)


HANDLERS: dict[str, tuple[Any, list[Any]]] = {"Conv3D": (_conv3d, []), "Erfc": (_erfc, [])}
