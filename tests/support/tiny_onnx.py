"""ONNX files written by hand: two inputs, two outputs, and names and sizes as a test wants them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import TensorProto, helper


def write_tiny_onnx(path: Path, *, sizes: Sequence[int | str] = (2, 3), outputs: tuple[str, str] | None = None) -> None:
    """positive = relu(x), shifted = x + y, over float32 inputs of the given sizes."""
    first, second = outputs or ("positive", "shifted")
    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, list(sizes)) for name in ("x", "y", first, second)
    }
    nodes = [helper.make_node("Relu", ["x"], ["positive"]), helper.make_node("Add", ["x", "y"], ["shifted"])]
    graph = helper.make_graph(nodes, "tiny", [values["x"], values["y"]], [values[first], values[second]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
