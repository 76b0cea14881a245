"""Artifacts of one operator or a short chain, written by hand with the variants that a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from onnx import helper, numpy_helper

_OPTIONS = {
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "CONV_2D": "Conv2DOptions",
    "GELU": "GeluOptions",
}
_TYPES = {"float32": schema.TensorType.FLOAT32, "int32": schema.TensorType.INT32, "int64": schema.TensorType.INT64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operator of a chain: its attributes or options, and the constants that it is given after the tensor."""

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    constants: tuple[np.ndarray, ...] = ()
    blanks: int = 0


def onnx_file(*steps: Step, shape: Sequence[int | str] = (1, 3, 8, 8), dtype: str = "float32") -> bytes:
    """A chain of operators from "x" to "y"; `blanks` inputs are left out between the tensor and the constants."""
    nodes: list[onnx.NodeProto] = []
    stored: list[onnx.TensorProto] = []
    for number, step in enumerate(steps):
        names = [f"c{number}_{place}" for place in range(len(step.constants))]
        stored += [numpy_helper.from_array(value, name) for value, name in zip(step.constants, names, strict=True)]
        given = ["x" if number == 0 else f"t{number}", *[""] * step.blanks, *names]
        result = "y" if number == len(steps) - 1 else f"t{number + 1}"
        nodes.append(helper.make_node(step.kind, given, [result], **step.options))
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    x, y = (helper.make_tensor_value_info(name, kind, sizes) for name, sizes in (("x", shape), ("y", None)))
    model = helper.make_model(helper.make_graph(nodes, "graph", [x], [y], stored), ir_version=10)
    return bytes(model.SerializeToString())


def onnx_constant(value: np.ndarray) -> bytes:
    """x + value."""
    return onnx_file(Step(kind="Add", constants=(value,)), shape=value.shape, dtype=value.dtype.name)


def litert_file(*steps: Step, shape: Sequence[int] = (1, 8, 8, 3), dtype: str = "float32") -> bytes:
    """A chain of operators from "x" to "y"; the sizes of the tensors between are those of the input."""
    model = schema.ModelT()
    model.version, model.buffers = 3, [schema.BufferT()]
    model.operatorCodes = [_code(step.kind) for step in steps]
    graph = schema.SubGraphT()
    names = ["x", *(f"t{number}" for number in range(1, len(steps))), "y"]
    graph.tensors = [_tensor(name, shape, dtype) for name in names]
    graph.operators = [_operator(model, graph, number, step) for number, step in enumerate(steps)]
    graph.inputs, graph.outputs = [0], [len(steps)]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _code(kind: str) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
    return code


def _operator(model: Any, graph: Any, number: int, step: Step) -> Any:
    """The operator from tensor `number` to the next one; its constants are added to the graph."""
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = number, [number], [number + 1]
    for value in step.constants:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(value.tobytes(), np.uint8)
        model.buffers.append(buffer)
        graph.tensors.append(_tensor(f"c{len(graph.tensors)}", value.shape, value.dtype.name))
        graph.tensors[-1].buffer = len(model.buffers) - 1
        operator.inputs.append(len(graph.tensors) - 1)
    if step.kind in _OPTIONS:
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, _OPTIONS[step.kind])
        operator.builtinOptions = getattr(schema, f"{_OPTIONS[step.kind]}T")()
        for name, value in step.options.items():
            setattr(operator.builtinOptions, name, value)
    return operator


def _tensor(name: str, sizes: Sequence[int], dtype: str) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(sizes), _TYPES[dtype], 0
    return tensor
