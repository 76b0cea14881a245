"""What a quantised file computes in integers is read from the file, and agrees with what a runtime makes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from quantised_models import Quantised, quantised
from torch import nn

from edgeproof.converters.checkpoints.malformed import Malformed
from edgeproof.converters.from_torch.executorch import lower
from edgeproof.converters.inspection.executorch import read_executorch_execution
from edgeproof.converters.inspection.onnx_execution import read_onnx_execution
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.execution import Execution, Kernel
from edgeproof.converters.quantization.recipe import Compute
from edgeproof.validators.runners.onnx_graph import execution_here

pytestmark = pytest.mark.torch
IMAGE = (torch.randn(1, 3, 8, 8),)


def network(*, floating: str | None = None) -> Quantised:
    """Two convolutions, both in int8 or one of them kept in float."""
    parts: list[nn.Module] = [nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 1)]
    made = quantised(lambda a, b, x: b(a(x).relu()), parts, IMAGE, Precision.INT8)
    recipe = made.quantization.recipe
    layers = tuple(replace(one, compute=Compute.FP32) if one.name == floating else one for one in recipe.layers)
    tensors = tuple(one for one in recipe.tensors if floating is None or one.computed_by != floating)
    return replace(
        made, quantization=replace(made.quantization, recipe=replace(recipe, layers=layers, tensors=tensors))
    )


def kernels(execution: Execution | None) -> list[tuple[int, Kernel]]:
    assert execution is not None
    return [(operator.macs, operator.kernel) for operator in execution.operators]


BOTH_INTEGER = [(6 * 6 * 4 * 27, Kernel.INTEGER), (6 * 6 * 5 * 4, Kernel.INTEGER)]
ONE_FLOAT = [BOTH_INTEGER[0], (6 * 6 * 5 * 4, Kernel.FLOAT)]


@pytest.mark.parametrize(("floating", "expected"), [(None, BOTH_INTEGER), ("conv2d_1", ONE_FLOAT)])
def test_a_layer_left_in_float_shows(floating: str | None, expected: list[tuple[int, Kernel]], tmp_path: Path) -> None:
    made = network(floating=floating)
    artifact = made.onnx()
    assert kernels(artifact.execution) == expected
    delegated = made.executorch()
    assert kernels(delegated.execution) == expected
    assert delegated.execution is not None
    assert delegated.execution.partitions == 1
    file = tmp_path / "net.onnx"
    file.write_bytes(artifact.payload)
    assert [kernel for _, kernel in kernels(execution_here(file))] == [kernel for _, kernel in expected]


def test_without_a_delegate_everything_is_in_float() -> None:
    made = network()
    floating = made.quantization.floating(made.source)
    payload = lower(floating, made.signature, backend="portable").payload
    found = read_executorch_execution(memoryview(payload))
    assert kernels(found) == [(macs, Kernel.FLOAT) for macs, _ in BOTH_INTEGER]
    assert {operator.reason for operator in found.operators} == {"a portable kernel computes it, outside XNNPACK"}


def product(kind: str, dtype: int) -> bytes:
    weights = helper.make_tensor("w", dtype, [4, 5], [1] * 20)
    given, made = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, size]) for name, size in (("x", 4), ("y", 5))
    )
    graph = helper.make_graph([helper.make_node(kind, ["x", "w"], ["y"])], "g", [given], [made], [weights])
    return bytes(helper.make_model(graph).SerializeToString())


def test_a_product_with_stored_weights_is_counted_and_one_of_two_inputs_is_not() -> None:
    (found,) = read_onnx_execution(memoryview(product("MatMul", TensorProto.FLOAT))).operators
    assert (found.name, found.operator, found.macs, found.kernel) == ("w", "matmul", 40, Kernel.FLOAT)
    (found,) = read_onnx_execution(memoryview(product("MatMulInteger", TensorProto.INT8))).operators
    assert found.kernel is Kernel.INTEGER
    model = onnx.load_from_string(product("MatMul", TensorProto.FLOAT))
    del model.graph.initializer[:]
    assert read_onnx_execution(memoryview(model.SerializeToString())).operators == ()


@pytest.mark.parametrize("cut", [1, 7, 40, 200])
def test_damaged_files_are_malformed(cut: int) -> None:
    payload = network().executorch().payload
    with pytest.raises(Malformed):
        read_executorch_execution(memoryview(payload[: len(payload) // cut // 2]))
