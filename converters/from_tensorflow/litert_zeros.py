"""Keeps a LiteRT file of a recurrent layer from growing with the sequence length.

TensorFlow's converter stores the room for a loop's outputs as a tensor of zeros: 262 kB for an LSTM of 128 units
over 512 steps, more than twice that for 1024. An operator that fills it when the model runs takes none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

_SMALL_BYTES = 4096
_DTYPES = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.INT32: np.int32}


def zeros_at_run_time(payload: bytes) -> bytes:
    """The file with stored zeros that start a loop made by FILL instead; the same bytes if there are none."""
    model: Any = flatbuffer_utils.read_model_from_bytearray(bytearray(payload))
    found = [(graph, index) for graph in model.subgraphs for index in _stored_zeros(model, graph)]
    if not found:
        return payload
    for graph, index in found:
        _fill(model, graph, index)
    _empty_unused_buffers(model)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _stored_zeros(model: Any, graph: Any) -> Iterator[int]:
    """The tensors of a subgraph that are large, all zero, and given to a WHILE operator."""
    given = {index for operator in graph.operators if _is_while(model, operator) for index in operator.inputs}
    for index in sorted(given):
        tensor = graph.tensors[index]
        data = model.buffers[tensor.buffer].data
        if data is not None and len(data) > _SMALL_BYTES and tensor.type in _DTYPES and not np.any(data):
            yield index


def _is_while(model: Any, operator: Any) -> bool:
    return bool(model.operatorCodes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.WHILE)


def _fill(model: Any, graph: Any, index: int) -> None:
    """Let FILL make a tensor that was stored."""
    tensor = graph.tensors[index]
    tensor.buffer = 0  # by the format's rule the empty one
    shape = _constant(model, graph, np.array(tensor.shape, np.int32), schema.TensorType.INT32)
    value = _constant(model, graph, np.zeros((), _DTYPES[tensor.type]), tensor.type)
    operator = schema.OperatorT()
    operator.opcodeIndex = _operator_code(model)
    operator.inputs = [shape, value]
    operator.outputs = [index]
    operator.builtinOptionsType = schema.BuiltinOptions.FillOptions
    operator.builtinOptions = schema.FillOptionsT()
    graph.operators.insert(0, operator)


def _empty_unused_buffers(model: Any) -> None:
    """Drop the data that no tensor uses any more; the buffers stay, as others are known by their place."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {entry.buffer for entry in model.metadata or []}
    for index, buffer in enumerate(model.buffers):
        if index not in used:
            buffer.data = None


def _constant(model: Any, graph: Any, value: Any, dtype: int) -> int:
    """A new stored tensor; gives its index."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(value.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = schema.TensorT()
    tensor.shape = list(value.shape)
    tensor.type = dtype
    tensor.buffer = len(model.buffers) - 1
    tensor.name = f"fill_{len(graph.tensors)}"
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _operator_code(model: Any) -> int:
    """Where FILL stands in the model's list of operators."""
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == schema.BuiltinOperator.FILL:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FILL
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
