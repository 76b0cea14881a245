"""LiteRT files written by hand: two inputs, two outputs, and names, sizes and faults as a test wants them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema


def write_tiny_litert(
    path: Path,
    *,
    sizes: Sequence[int] = (2, 3),
    dynamic: bool = False,
    signatures: int = 1,
    scale: tuple[float, int] | None = None,
) -> None:
    """positive = relu(x), shifted = x + y, over float32 inputs of the given sizes, or int8 ones with a scale.

    `dynamic` leaves the first size open. The graph lists its outputs as (positive, shifted); the signature's
    entries, which have no order of their own, stand in another.
    """
    model = schema.ModelT()
    model.version = 3
    model.description = "tiny"
    model.operatorCodes = [_code(schema.BuiltinOperator.RELU), _code(schema.BuiltinOperator.ADD)]
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.name = "main"
    graph.tensors = [_tensor(name, sizes, dynamic) for name in ("in_x", "in_y", "out_positive", "out_shifted")]
    for tensor in graph.tensors if scale is not None else ():
        tensor.type, tensor.quantization = schema.TensorType.INT8, _quantization(*(scale or (1, 0)))
    graph.inputs, graph.outputs = [0, 1], [2, 3]
    graph.operators = [_operator(0, [0], [2]), _operator(1, [0, 1], [3], schema.AddOptionsT())]
    model.subgraphs = [graph]
    model.signatureDefs = [_signature(f"signature_{number}") for number in range(signatures)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def _code(operator: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = 1
    return code


def _tensor(name: str, sizes: Sequence[int], dynamic: bool) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(sizes), schema.TensorType.FLOAT32, 0
    if dynamic:
        tensor.shapeSignature = [-1, *sizes[1:]]
    return tensor


def _quantization(step: float, zero_point: int) -> Any:
    made = schema.QuantizationParametersT()
    made.scale, made.zeroPoint = [step], [zero_point]
    return made


def _operator(code: int, inputs: list[int], outputs: list[int], options: Any = None) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, outputs
    if options is not None:
        operator.builtinOptionsType = schema.BuiltinOptions.AddOptions
        operator.builtinOptions = options
    return operator


def _signature(key: str) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = key, 0
    signature.inputs = [_entry("y", 1), _entry("x", 0)]
    signature.outputs = [_entry("shifted", 3), _entry("positive", 2)]
    return signature


def _entry(name: str, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, tensor
    return entry
