"""Gives an ONNX model whose sizes are open those of the example, to count its work by."""

from __future__ import annotations

import onnx
from torch.export import ExportedProgram

from .static_sizes import example_shapes, has_open_sizes


def on_the_example(model: onnx.ModelProto, program: ExportedProgram) -> onnx.ModelProto:
    """The model itself where all sizes are fixed, else a copy whose tensors are as large as for the example."""
    if not has_open_sizes(program):
        return model
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    del fixed.graph.value_info[:]
    for value, shape in zip(fixed.graph.input, example_shapes(program), strict=True):
        for dimension, size in zip(value.type.tensor_type.shape.dim, shape, strict=True):
            dimension.dim_value = size
    for value in fixed.graph.output:
        value.type.tensor_type.ClearField("shape")
    return onnx.shape_inference.infer_shapes(fixed)
