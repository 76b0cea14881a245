"""Small ONNX graphs, and the comparison of what the torch module of a graph computes with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from edgeproof.converters.from_onnx.module import OnnxModule, module_from_onnx

Arrays = Mapping[str, Any]  # numpy arrays or numpy numbers, by name
_IR_VERSION = 10


def graph_of(
    nodes: Sequence[onnx.NodeProto], inputs: Arrays, outputs: Sequence[str], weights: Arrays | None = None
) -> onnx.GraphProto:
    """A graph whose inputs have the type and shape of the arrays; outputs are left untyped."""
    return helper.make_graph(
        list(nodes),
        "graph",
        [_described(name, np.asarray(array)) for name, array in inputs.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()],
    )


def _described(name: str, array: np.ndarray) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def model_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: Arrays,
    outputs: Sequence[str],
    weights: Arrays | None = None,
    *,
    opset: int = 17,
) -> onnx.ModelProto:
    """A model of ONNX's own operators."""
    graph = graph_of(nodes, inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=_IR_VERSION)


def one_node(op_type: str, arrays: Sequence[Any], **options: Any) -> tuple[onnx.ModelProto, list[np.ndarray]]:
    """A model of one node, and its inputs.

    Options: `weights` has a "w" for each input that is stored in the model, `outputs` is their number,
    `opset` the version; all others are attributes of the node.
    """
    marks, count, opset = options.pop("weights", ""), options.pop("outputs", 1), options.pop("opset", 17)
    names = ["" if array is None else f"in{place}" for place, array in enumerate(arrays)]
    given = {name: np.asarray(array) for name, array in zip(names, arrays, strict=True)}
    marked = dict(zip(names, marks.ljust(len(arrays), "."), strict=False))
    stored = {name: given[name] for name in names if name and marked[name] == "w"}
    fed = {name: given[name] for name in names if name and marked[name] != "w"}
    results = [f"out{place}" for place in range(count)]
    node = helper.make_node(op_type, names, results, name=f"the_{op_type.lower()}", **options)
    return model_of([node], fed, results, stored, opset=opset), list(fed.values())


def by_onnxruntime(model: onnx.ModelProto, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What ONNX Runtime computes, without optimising the graph first."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([value.name for value in model.graph.input], inputs, strict=True)))


def as_tensors(inputs: Sequence[np.ndarray]) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(np.array(array)) for array in inputs)


def assert_same(
    model: onnx.ModelProto, inputs: Sequence[np.ndarray], *, exported: bool = True, relative: float = 1e-5
) -> OnnxModule:
    """The module agrees with ONNX Runtime in shape, type and value, and so does its exported program."""
    expected = by_onnxruntime(model, inputs)
    module = module_from_onnx(model)
    tensors = as_tensors(inputs)
    assert_equal_outputs(module(*tensors), expected, relative)
    if exported:
        program = torch.export.export(module, tensors).module()
        assert_equal_outputs(program(*tensors), expected, relative)
    return module


def assert_equal_outputs(got: Sequence[torch.Tensor], expected: Sequence[np.ndarray], relative: float = 1e-5) -> None:
    assert len(got) == len(expected)
    for tensor, array in zip(got, expected, strict=True):
        values = tensor.numpy()
        assert values.shape == np.shape(array)
        assert values.dtype == array.dtype
        finite = array[np.isfinite(array)] if array.dtype.kind == "f" else np.zeros(0)
        scale = float(np.abs(finite).max()) if finite.size else 0.0
        np.testing.assert_allclose(values, array, rtol=relative, atol=relative * scale)


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    """Normally distributed float32."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def positive(*shape: int, seed: int = 0) -> np.ndarray:
    return np.abs(floats(*shape, seed=seed)) + np.float32(0.1)


def integers(low: int, high: int, *shape: int, dtype: Any = np.int64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def numbers(*values: Any) -> np.ndarray:
    """Sizes, axes, bounds or places; one list may be nested."""
    return np.array(values[0] if len(values) == 1 and isinstance(values[0], list) else values, dtype=np.int64)


__all__ = ["TensorProto", "helper"]
