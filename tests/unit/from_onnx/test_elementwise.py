"""Operators that work element by element agree with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx_graphs import TensorProto, assert_same, floats, integers, one_node, positive

from edgeproof.converters.from_onnx.graph import Node
from edgeproof.converters.from_onnx.module import module_from_onnx
from edgeproof.converters.from_onnx.operators.elementwise import OPERATORS
from edgeproof.converters.from_onnx.values import Known, as_numbers, known

_UNIT = np.tanh(floats(2, 3, 4)).astype(np.float32)
_ANY = floats(2, 3, 4) * np.float32(2)
_ODD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.5, 0.5], dtype=np.float32)

_UNARY = [
    *[
        (name, _ANY, 17)
        for name in "Abs Atan Asinh Ceil Cos Cosh Erf Exp Floor Neg Round Sign Sin Sinh Tan Tanh".split()
    ],
    *[(name, _ANY, 17) for name in "Relu Sigmoid Softplus Softsign Identity LeakyRelu Elu Selu HardSigmoid".split()],
    *[(name, _ANY, 17) for name in "HardSwish Celu ThresholdedRelu".split()],
    *[(name, _UNIT, 17) for name in "Acos Asin Atanh".split()],
    *[(name, positive(2, 3), 17) for name in "Log Sqrt Reciprocal".split()],
    ("Acosh", positive(2, 3) + 1, 17),
    ("Mish", _ANY, 18),
    ("Gelu", _ANY, 20),
    ("Round", _ODD, 17),
    ("IsNaN", _ODD, 17),
    ("IsInf", _ODD, 17),
    ("Not", _ANY > 0, 17),
    ("Abs", integers(-9, 9, 5), 17),
    ("Neg", integers(-9, 9, 5, dtype=np.int32), 17),
    ("Sign", integers(-2, 2, 9), 17),
    ("BitwiseNot", integers(-9, 9, 5), 18),
]


@pytest.mark.parametrize(
    ("name", "array", "opset"), _UNARY, ids=lambda value: str(value) if isinstance(value, str) else ""
)
def test_an_operator_of_one_input_agrees(name: str, array: np.ndarray, opset: int):
    assert_same(*one_node(name, [array], opset=opset))


_ATTRIBUTES: list[tuple[str, np.ndarray, int, dict[str, Any]]] = [
    ("LeakyRelu", _ANY, 17, {"alpha": 0.3}),
    ("Elu", _ANY, 17, {"alpha": 0.7}),
    ("Celu", _ANY, 17, {"alpha": 2.0}),
    ("Selu", _ANY, 17, {"alpha": 1.1, "gamma": 2.0}),
    ("HardSigmoid", _ANY, 17, {"alpha": 1 / 6, "beta": 0.5}),
    ("ThresholdedRelu", _ANY, 17, {"alpha": 0.5}),
    ("Shrink", _ANY, 17, {"bias": 0.5, "lambd": 1.0}),
    ("Gelu", _ANY, 20, {"approximate": "tanh"}),
    ("IsInf", _ODD, 17, {"detect_negative": 0}),
    ("IsInf", _ODD, 17, {"detect_positive": 0}),
    ("IsInf", _ODD, 17, {"detect_positive": 0, "detect_negative": 0}),
    ("Cast", _ANY, 17, {"to": TensorProto.INT32}),
    ("Cast", _ANY, 17, {"to": TensorProto.BOOL}),
    ("Cast", _ANY, 17, {"to": TensorProto.DOUBLE}),
    ("Cast", _ANY, 17, {"to": TensorProto.FLOAT16}),
    ("Cast", integers(0, 200, 7), 17, {"to": TensorProto.UINT8}),
    ("Cast", _ANY > 0, 17, {"to": TensorProto.FLOAT}),
]


@pytest.mark.parametrize(("name", "array", "opset", "attributes"), _ATTRIBUTES)
def test_attributes_are_obeyed(name: str, array: np.ndarray, opset: int, attributes: dict[str, Any]):
    assert_same(*one_node(name, [array], opset=opset, **attributes))


_INTS = integers(-9, 9, 3, 4)
_NONZERO = np.where(integers(-5, 5, 3, 4, seed=1) == 0, 3, integers(-5, 5, 3, 4, seed=1))
_BINARY: list[tuple[str, Any, Any]] = [
    *[(name, floats(3, 4), floats(3, 4, seed=1)) for name in "Add Sub Mul Div Max Min Greater Less Equal".split()],
    *[(name, floats(3, 1, 4), floats(2, 1, seed=1)) for name in "Add Sub Mul Div GreaterOrEqual LessOrEqual".split()],
    *[(name, floats(3, 4), np.float32(1.5)) for name in "Add Sub Mul Div Max Min Pow Less".split() if name != "Pow"],
    *[(name, np.float32(1.5), floats(3, 4)) for name in "Add Sub Mul Div Greater".split()],
    *[(name, floats(3), np.full((1, 1), 2.5, np.float32)) for name in "Add Sub Mul Div Max".split()],
    *[(name, _INTS, _NONZERO) for name in "Add Sub Mul Div Mod Max Min Equal".split()],
    *[(name, _INTS.astype(np.int32), np.int32(4)) for name in "Add Sub Mul Div Mod".split()],
    *[(name, _INTS > 0, _NONZERO > 0) for name in "And Or Xor Equal".split()],
    ("Pow", positive(3, 4), floats(3, 4)),
    ("Pow", floats(3, 4), np.float32(2)),
    ("Pow", floats(3, 4), np.int64(3)),
    ("Pow", _INTS, np.int64(2)),
    ("PRelu", _ANY, np.float32(0.2).reshape(1)),
    ("PRelu", _ANY, positive(3, 1)),
    ("PRelu", _ANY, positive(3, 4)),
]


@pytest.mark.parametrize("stored", ["", ".w", "w."])
@pytest.mark.parametrize(("name", "one", "other"), _BINARY, ids=lambda value: value if isinstance(value, str) else "")
def test_an_operator_of_two_inputs_agrees_wherever_a_weight_stands(name: str, one: Any, other: Any, stored: str):
    arrays = [np.asarray(one), np.asarray(other)]
    assert_same(
        *one_node(name, arrays, weights=stored),
        exported=not stored and arrays[0].shape == arrays[1].shape,
    )


@pytest.mark.parametrize("name", ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
def test_bits_are_combined(name: str):
    assert_same(*one_node(name, [_INTS, _NONZERO], opset=18))


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_bits_are_shifted(direction: str):
    arrays = [integers(1, 60, 5, dtype=np.uint8), integers(0, 2, 5, dtype=np.uint8)]
    assert_same(*one_node("BitShift", arrays, direction=direction))


def test_the_sign_of_a_remainder_is_that_of_the_dividend_with_fmod():
    assert_same(*one_node("Mod", [floats(5) * 7, positive(5)], fmod=1))
    assert_same(*one_node("Mod", [_INTS, _NONZERO], fmod=1))


@pytest.mark.parametrize("name", ["Sum", "Mean", "Max", "Min"])
def test_any_number_of_inputs_broadcast(name: str):
    assert_same(*one_node(name, [floats(2, 1, 4), floats(3, 1, seed=1), floats(1, seed=2)]))
    assert_same(*one_node(name, [floats(2, 3)]))


@pytest.mark.parametrize(
    ("low", "high", "stored"),
    [(-0.5, 0.5, ".ww"), (None, 0.5, ".ww"), (-0.5, None, ".ww"), (-0.5, 0.5, "..."), (None, None, "")],
)
def test_clip_takes_each_bound_or_none(low: float | None, high: float | None, stored: str):
    bounds = [None if bound is None else np.float32(bound) for bound in (low, high)]
    while bounds and bounds[-1] is None:
        bounds.pop()
    assert_same(*one_node("Clip", [_ANY, *bounds], weights=stored))


def test_clip_takes_attributes_before_opset_11():
    assert_same(*one_node("Clip", [_ANY], opset=10, min=-0.5, max=0.5))


def test_where_broadcasts_three_ways():
    assert_same(*one_node("Where", [floats(3, 1) > 0, floats(1, 4), floats(2, 3, 4)]))
    assert_same(*one_node("Where", [floats(3, 1) > 0, floats(1, 4), np.float32(0)], weights="..w"))


def test_what_tensorflow_leaves_in_the_graph_is_computed():
    values = torch.linspace(0.1, 3, 7)
    for name, expected in [
        ("Erfc", torch.erfc),
        ("Expm1", torch.expm1),
        ("Log1p", torch.log1p),
        ("Lgamma", torch.lgamma),
    ]:
        model, _ = one_node(name, [values.numpy()], T=1)
        assert torch.equal(module_from_onnx(model)(values)[0], expected(values))
    model, _ = one_node("Xlogy", [np.zeros(3, np.float32), np.array([0, 1, 2], np.float32)])
    assert torch.equal(module_from_onnx(model)(torch.zeros(3), torch.arange(3.0))[0], torch.zeros(3))


_SMALL_INTS = hnp.arrays(np.int64, hnp.array_shapes(max_dims=2, max_side=3), elements=st.integers(-20, 20))


@settings(max_examples=60, deadline=None)
@given(
    array=_SMALL_INTS, number=st.integers(-7, 7), name=st.sampled_from("Add Sub Mul Div Mod Max Min Less Equal".split())
)
def test_known_numbers_are_computed_as_tensors_are(array: np.ndarray, number: int, name: str):
    if name in {"Div", "Mod"} and number == 0:
        number = 5
    node = Node(op_type=name, inputs=("a", "b"), outputs=("c",), opset=17)
    on_host = OPERATORS[name](node, known(array.astype(object), torch.int64), known(number, torch.int64))
    on_tensors = OPERATORS[name](node, torch.from_numpy(array), torch.tensor(number))
    assert isinstance(on_host, Known)
    assert isinstance(on_tensors, torch.Tensor)
    assert as_numbers(on_host) == on_tensors.reshape(-1).tolist()
    assert on_host.dtype == on_tensors.dtype


def test_known_floats_are_rounded_as_the_graph_rounds_them():
    node = Node(op_type="Mul", inputs=("a", "b"), outputs=("c",), opset=17)
    result = OPERATORS["Mul"](node, known(0.44, torch.float32), known(25.0, torch.float32))
    assert isinstance(result, Known)
    assert as_numbers(result) == [float(np.float32(0.44) * np.float32(25))]
