"""Faults in the numbers that quantised artifacts round by: a scale 1 % off, a zero point one off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from edgeproof.converters.from_torch.litert_file import read_model, write_model

SCALE = "a scale 1 % off"
ZERO_POINT = "a zero point one off"


def changed_quantities(file: Path, fault: str) -> bytes | None:
    """The file with the scale or zero point of an activation in its middle changed; None if it has none."""
    return _in_onnx(file, fault) if file.suffix == ".onnx" else _in_litert(file, fault)


def _in_onnx(file: Path, fault: str) -> bytes | None:
    model = onnx.load(str(file))
    named = {tensor.name: tensor for tensor in model.graph.initializer}
    made = {name for node in model.graph.node for name in node.output}
    back = [
        node for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in made and len(node.input) > 2
    ]  # fmt: skip
    if not back:
        return None
    node = back[len(back) // 2]
    # The number is shared with others, so the node gets one of its own.
    tensor = named.get(node.input[1 if fault == SCALE else 2])
    if tensor is None:
        return None
    array = numpy_helper.to_array(tensor)
    new = (array * array.dtype.type(1.01)) if fault == SCALE else (array + array.dtype.type(1))
    own = numpy_helper.from_array(np.asarray(new, array.dtype), f"{tensor.name}_changed")
    model.graph.initializer.append(own)
    node.input[1 if fault == SCALE else 2] = own.name
    return model.SerializeToString()


def _in_litert(file: Path, fault: str) -> bytes | None:
    model = read_model(file.read_bytes())
    graph = model.subgraphs[0]
    inside = [
        tensor for tensor in graph.tensors
        if tensor.quantization is not None and tensor.quantization.scale is not None
        and len(tensor.quantization.scale) == 1 and model.buffers[tensor.buffer].data is None
    ]  # fmt: skip
    if not inside:
        return None
    chosen = inside[len(inside) // 2].quantization
    if fault == SCALE:
        chosen.scale = np.asarray(chosen.scale, np.float32) * np.float32(1.01)
    else:
        chosen.zeroPoint = np.asarray(chosen.zeroPoint) + 1
    return write_model(model)
