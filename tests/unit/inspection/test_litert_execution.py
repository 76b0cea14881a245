"""Which kernels a LiteRT file's layers run in is told from the types of their tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeproof.converters.checkpoints.malformed import Malformed
from edgeproof.converters.inspection.litert_execution import read_litert_execution
from edgeproof.converters.quantization.execution import HeavyOperator, Kernel

Type, Builtin = schema.TensorType, schema.BuiltinOperator


@dataclass(frozen=True)
class Tensor:
    """A tensor's sizes and type, and whether the file has its values."""

    sizes: Sequence[int]
    type: int = Type.FLOAT32
    stored: bool = False


def file_of(tensors: Sequence[Tensor], *operators: tuple[int, Sequence[int], Sequence[int]]) -> memoryview:
    """A file with these tensors, called t0, t1 ..., and operators (kind, inputs, outputs)."""
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT(), schema.BufferT()]
    model.buffers[1].data = np.zeros(4, np.uint8)
    model.operatorCodes = [_code(kind) for kind, _, _ in operators]
    graph = schema.SubGraphT()
    graph.tensors = [_tensor(number, tensor) for number, tensor in enumerate(tensors)]
    graph.operators = [_operator(code, operator[1], operator[2]) for code, operator in enumerate(operators)]
    graph.inputs, graph.outputs = [0], [len(tensors) - 1]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return memoryview(bytes(builder.Output()))


def _code(kind: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode, code.version = kind, 1
    code.deprecatedBuiltinCode = min(kind, Builtin.PLACEHOLDER_FOR_GREATER_OP_CODES)
    return code


def _tensor(number: int, tensor: Tensor) -> Any:
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = f"t{number}", list(tensor.sizes), tensor.type, int(tensor.stored)
    return made


def _operator(code: int, inputs: Sequence[int], outputs: Sequence[int]) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, list(inputs), list(outputs)
    return made


def only(data: memoryview) -> HeavyOperator:
    (found,) = read_litert_execution(data).operators
    return found


@pytest.mark.parametrize(
    ("kind", "sizes", "macs"),
    [
        (Builtin.CONV_2D, ((1, 6, 6, 4), (8, 3, 3, 4), (1, 4, 4, 8)), 128 * 36),
        (Builtin.DEPTHWISE_CONV_2D, ((1, 6, 6, 8), (1, 3, 3, 8), (1, 4, 4, 8)), 128 * 9),
        (Builtin.FULLY_CONNECTED, ((2, 5), (8, 5), (2, 8)), 80),
    ],
)
@pytest.mark.parametrize("dtype", [Type.INT8, Type.INT16, Type.FLOAT32])
def test_int8_weights_beside_any_input_are_multiplied_as_integers(
    kind: int, sizes: Sequence[Sequence[int]], macs: int, dtype: int
):
    given, weights, result = sizes
    tensors = [Tensor(given, dtype), Tensor(weights, Type.INT8, stored=True), Tensor(result, dtype)]
    found = only(file_of(tensors, (kind, [0, 1, -1], [2])))
    assert (found.name, found.macs, found.kernel, found.reason) == ("t2", macs, Kernel.INTEGER, "")


def test_a_transposed_convolution_spreads_its_input():
    tensors = [
        Tensor([4], Type.INT32, stored=True),
        Tensor([8, 3, 3, 4], Type.INT8, stored=True),
        Tensor([1, 5, 5, 4], Type.INT8),
        Tensor([1, 10, 10, 8], Type.INT8),
    ]
    found = only(file_of(tensors, (Builtin.TRANSPOSE_CONV, [0, 1, 2], [3])))
    assert (found.macs, found.kernel) == (100 * 72, Kernel.INTEGER)


def test_float_weights_are_float():
    tensors = [Tensor([2, 5]), Tensor([8, 5], stored=True), Tensor([2, 8])]
    found = only(file_of(tensors, (Builtin.FULLY_CONNECTED, [0, 1, -1], [2])))
    assert (found.operator, found.kernel, found.reason) == ("fully_connected", Kernel.FLOAT, "")


def test_stored_integers_that_are_dequantised_are_float_with_the_reason():
    tensors = [Tensor([2, 5]), Tensor([8, 5], Type.INT8, stored=True), Tensor([8, 5]), Tensor([2, 8])]
    found = only(file_of(tensors, (Builtin.DEQUANTIZE, [1], [2]), (Builtin.FULLY_CONNECTED, [0, 2, -1], [3])))
    assert found.kernel is Kernel.FLOAT
    assert found.reason == "its weights are stored as integers, and computed in float"


def test_kinds_without_an_integer_kernel_say_so():
    tensors = [Tensor([1, 4, 4, 4, 2]), Tensor([3, 3, 3, 2, 5], Type.INT8, stored=True), Tensor([1, 2, 2, 2, 5])]
    found = only(file_of(tensors, (Builtin.CONV_3D, [0, 1], [2])))
    assert (found.macs, found.kernel) == (40 * 54, Kernel.FLOAT)
    assert "three-dimensional" in found.reason


def test_products_of_two_activations_are_no_layers():
    tensors = [Tensor([2, 4, 5]), Tensor([2, 5, 4]), Tensor([2, 4, 4])]
    assert read_litert_execution(file_of(tensors, (Builtin.BATCH_MATMUL, [0, 1], [2]))).operators == ()


def test_operators_that_refer_nowhere_are_malformed():
    tensors = [Tensor([2, 5]), Tensor([8, 5], stored=True), Tensor([2, 8])]
    with pytest.raises(Malformed):
        read_litert_execution(file_of(tensors, (Builtin.FULLY_CONNECTED, [0], [2])))
    with pytest.raises(Malformed):
        read_litert_execution(file_of(tensors, (Builtin.FULLY_CONNECTED, [0, 9], [2])))
