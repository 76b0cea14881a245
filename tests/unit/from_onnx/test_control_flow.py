"""If, Loop and Scan agree with ONNX Runtime and stay whole in the exported program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx_graphs import TensorProto, as_tensors, assert_same, floats, graph_of, helper, model_of, numbers

from edgeproof.converters.errors import ConversionError
from edgeproof.converters.from_onnx.module import module_from_onnx

_TRUE = np.array(True)


def _calls(model: onnx.ModelProto, inputs: Sequence[np.ndarray], dynamic: Any = None) -> list[str]:
    program = torch.export.export(module_from_onnx(model), as_tensors(inputs), dynamic_shapes=dynamic)
    return [str(node.target) for node in program.graph.nodes if node.op == "call_function"]


def _branches(condition: str, weights: dict[str, Any] | None = None) -> onnx.ModelProto:
    then = graph_of([helper.make_node("Mul", ["x", "w"], ["a"])], {}, ["a"], {"w": floats(3)})
    other = graph_of([helper.make_node("Identity", ["x"], ["b"])], {}, ["b"])
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0),
        helper.make_node("Greater", ["total", "zero"], ["positive"]),
        helper.make_node("If", [condition], ["y"], then_branch=then, else_branch=other),
    ]
    return model_of(nodes, {"x": floats(2, 3)}, ["y"], {"zero": np.float32(0), **(weights or {})})


@pytest.mark.parametrize("sign", [1, -1])
def test_a_branch_on_data_becomes_a_cond(sign: int):
    array = np.abs(floats(2, 3)) * np.float32(sign)
    model = _branches("positive")
    assert_same(model, [array])
    assert "cond" in _calls(model, [array])


@pytest.mark.parametrize("value", [True, False])
def test_a_branch_that_is_known_is_taken(value: bool):
    model = _branches("flag", {"flag": np.array(value)})
    assert_same(model, [floats(2, 3)])
    assert "cond" not in _calls(model, [floats(2, 3)])


def _loop(
    body: Sequence[onnx.NodeProto],
    carried: dict[str, np.ndarray],
    results: Sequence[str],
    weights: dict[str, Any],
    *,
    limit: str = "limit",
    inputs: dict[str, np.ndarray] | None = None,
) -> onnx.ModelProto:
    """A Loop over `carried`, whose body writes "go_on" and `results` (carried ones first)."""
    formals = {"i": np.int64(0), "go": _TRUE} | {f"{name}_in": array for name, array in carried.items()}
    graph = graph_of(body, {name: np.asarray(array) for name, array in formals.items()}, ["go_on", *results])
    for value in graph.output:
        value.type.tensor_type.elem_type = TensorProto.BOOL if value.name == "go_on" else TensorProto.FLOAT
    outputs = [f"y{place}" for place in range(len(results))]
    node = helper.make_node("Loop", [limit, "start", *carried], outputs, name="the_loop", body=graph)
    fed = inputs or {name: array for name, array in carried.items() if name not in weights}
    return model_of([node], fed, outputs, {"start": _TRUE, "limit": np.int64(5), **weights})


def _counting(name: str = "go_on") -> list[onnx.NodeProto]:
    """What tf2onnx writes for `while step < 4`: a counter beside Loop's own, compared as a float."""
    return [
        helper.make_node("Add", ["step_in", "one"], ["step_out"]),
        helper.make_node("Cast", ["step_out"], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("Less", ["as_float", "four"], [name]),
    ]


_COUNTER = {"step": np.int32(0), "one": np.int32(1), "four": np.float32(4)}


def test_a_loop_with_a_counter_becomes_a_scan_over_rows():
    body = [
        *_counting(),
        helper.make_node("Gather", ["x", "step_in"], ["row"], axis=0),
        helper.make_node("MatMul", ["h_in", "w"], ["past"]),
        helper.make_node("Add", ["past", "row"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["h_out"]),
        helper.make_node("Identity", ["h_out"], ["stacked"]),
    ]
    carried = {"step": np.asarray(_COUNTER["step"]), "h": floats(2, 3)}
    weights = {**_COUNTER, "w": floats(3, 3)}
    model = _loop(
        body, carried, ["step_out", "h_out", "stacked"], weights, inputs={"h": floats(2, 3), "x": floats(4, 2, 3)}
    )
    _typed(model, "step_out", TensorProto.INT32)
    inputs = [floats(2, 3), floats(4, 2, 3)]
    assert_same(model, inputs)
    calls = _calls(model, inputs)
    assert calls.count("scan") == 1
    assert not [call for call in calls if "arange" in call or "index" in call]


def _typed(model: onnx.ModelProto, name: str, kind: int) -> None:
    (body,) = (attribute.g for node in model.graph.node for attribute in node.attribute if attribute.name == "body")
    for value in body.output:
        if value.name == name:
            value.type.tensor_type.elem_type = kind


def test_a_counter_that_is_also_data_is_scanned_as_numbers():
    body = [
        helper.make_node("Identity", ["go"], ["go_on"]),
        helper.make_node("Cast", ["i"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["h_in", "number"], ["h_out"]),
    ]
    assert_same(_loop(body, {"h": floats(3)}, ["h_out"], {}), [floats(3)])


def test_two_states_that_start_as_one_tensor_stay_two():
    body = [
        helper.make_node("Identity", ["go"], ["go_on"]),
        helper.make_node("Add", ["a_in", "x"], ["a_out"]),
        helper.make_node("Mul", ["b_in", "a_in"], ["b_out"]),
    ]
    graph = graph_of(
        body,
        {"i": np.asarray(np.int64(0)), "go": _TRUE, "a_in": floats(3), "b_in": floats(3)},
        ["go_on", "a_out", "b_out"],
    )
    for value in graph.output:
        value.type.tensor_type.elem_type = TensorProto.BOOL if value.name == "go_on" else TensorProto.FLOAT
    node = helper.make_node("Loop", ["limit", "", "zeros", "zeros"], ["p", "q"], body=graph)
    weights = {"limit": np.int64(3), "zeros": floats(3, seed=1)}
    assert_same(model_of([node], {"x": floats(3)}, ["p", "q"], weights), [floats(3)])


def test_what_a_loop_carries_unchanged_is_read_from_outside():
    body = [
        helper.make_node("Identity", ["go"], ["go_on"]),
        helper.make_node("MatMul", ["h_in", "w_in"], ["h_out"]),
        helper.make_node("Identity", ["w_in"], ["w_out"]),
    ]
    model = _loop(body, {"h": floats(2, 3), "w": floats(3, 3)}, ["h_out", "w_out"], {"w": floats(3, 3)})
    module = assert_same(model, [floats(2, 3)])
    program = torch.export.export(module, as_tensors([floats(2, 3)]))
    (scan,) = (node for node in program.graph.nodes if "scan" in str(node.target) and node.op == "call_function")
    assert len(scan.args[1]) == 1


def test_a_loop_without_a_counter_becomes_a_while_loop():
    body = [
        helper.make_node("Mul", ["h_in", "factor"], ["h_out"]),
        helper.make_node("ReduceSum", ["h_out"], ["total"], keepdims=0),
        helper.make_node("Less", ["total", "most"], ["go_on"]),
    ]
    weights = {"factor": np.float32(1.5), "most": np.float32(100)}
    for limit in ("", "limit"):
        model = _loop(body, {"h": np.abs(floats(4)) + 1}, ["h_out"], {**weights, "limit": np.int64(3)}, limit=limit)
        assert_same(model, [np.abs(floats(4)) + 1])
        assert "while_loop" in _calls(model, [np.abs(floats(4)) + 1])


def test_a_loop_that_only_data_ends_cannot_stack():
    body = [
        helper.make_node("Mul", ["h_in", "h_in"], ["h_out"]),
        helper.make_node("ReduceSum", ["h_out"], ["total"], keepdims=0),
        helper.make_node("Less", ["total", "most"], ["go_on"]),
        helper.make_node("Identity", ["h_out"], ["stacked"]),
    ]
    model = _loop(body, {"h": floats(4)}, ["h_out", "stacked"], {"most": np.float32(100)})
    with pytest.raises(ConversionError, match="the_loop") as caught:
        module_from_onnx(model)(*as_tensors([floats(4)]))
    assert "fixed number of steps" in caught.value.fix


def test_a_loop_that_never_runs_gives_back_what_it_got():
    body = [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Neg", ["h_in"], ["h_out"])]
    assert_same(_loop(body, {"h": floats(4)}, ["h_out"], {"limit": np.int64(0)}), [floats(4)])


@pytest.mark.parametrize(
    ("comparison", "limit", "trips"), [("Less", 4, 4), ("LessOrEqual", 4, 5), ("Less", 0, 1), ("Less", 100, 5)]
)
def test_the_condition_is_solved_for_the_number_of_trips(comparison: str, limit: int, trips: int):
    body = [
        helper.make_node("Add", ["i", "one"], ["next"]),
        helper.make_node(comparison, ["next", "bound"], ["go_on"]),
        helper.make_node("Add", ["h_in", "unit"], ["h_out"]),
    ]
    weights = {"one": np.int64(1), "bound": np.int64(limit), "unit": np.float32(1)}
    module = assert_same(_loop(body, {"h": np.zeros(1, np.float32)}, ["h_out"], weights), [np.zeros(1, np.float32)])
    assert module(torch.zeros(1))[0].item() == trips


def test_a_scan_runs_in_any_direction_along_any_axis():
    body = graph_of(
        [
            helper.make_node("Add", ["s_in", "a"], ["s_mid"]),
            helper.make_node("Mul", ["s_mid", "b"], ["s_out"]),
            helper.make_node("Identity", ["s_out"], ["one"]),
            helper.make_node("Sub", ["s_mid", "outer"], ["two"]),
        ],
        {"s_in": floats(3), "a": floats(3), "b": floats(3)},
        ["s_out", "one", "two"],
    )
    for value in body.output:
        value.type.tensor_type.elem_type = TensorProto.FLOAT
    node = helper.make_node(
        "Scan", ["s", "rows", "columns"], ["final", "p", "q"], body=body, num_scan_inputs=2,
        scan_input_axes=[0, 1], scan_input_directions=[0, 1], scan_output_axes=[0, -1], scan_output_directions=[1, 0],
    )  # fmt: skip
    inputs = {"s": floats(3), "rows": floats(4, 3, seed=1), "columns": floats(3, 4, seed=2)}
    model = model_of([node], inputs, ["final", "p", "q"], {"outer": floats(3, seed=3)})
    assert_same(model, list(inputs.values()))
    assert "scan" in _calls(model, list(inputs.values()))


def test_the_number_of_rows_may_be_dynamic():
    body = [
        *_counting("unused"),
        helper.make_node("Identity", ["go"], ["go_on"]),
        helper.make_node("Gather", ["x", "step_in"], ["row"], axis=0),
        helper.make_node("Add", ["h_in", "row"], ["h_out"]),
        helper.make_node("Mul", ["h_out", "h_out"], ["stacked"]),
    ]
    graph = graph_of(
        body,
        {"i": np.asarray(np.int64(0)), "go": _TRUE, "step_in": np.asarray(np.int32(0)), "h_in": floats(3)},
        ["go_on", "step_out", "h_out", "stacked"],
    )
    kinds = [TensorProto.BOOL, TensorProto.INT32, TensorProto.FLOAT, TensorProto.FLOAT]
    for value, kind in zip(graph.output, kinds, strict=True):
        value.type.tensor_type.elem_type = kind
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["rows"]),
        helper.make_node("Loop", ["rows", "", "step", "h"], ["a", "b", "c"], body=graph),
    ]
    weights = {
        **{name: np.asarray(value) for name, value in _COUNTER.items()},
        "first": np.asarray(np.int64(0)),
        "h": floats(3),
    }
    model = model_of(nodes, {"x": floats(6, 3)}, ["b", "c"], weights)
    assert_same(model, [floats(6, 3)])
    dynamic = (({0: torch.export.Dim.DYNAMIC},),)
    module = module_from_onnx(model)
    program = torch.export.export(module, as_tensors([floats(6, 3)]), dynamic_shapes=dynamic).module()
    longer = torch.randn(11, 3)
    for got, expected in zip(program(longer), module(longer), strict=True):
        torch.testing.assert_close(got, expected)


def test_bodies_may_nest():
    then = graph_of([helper.make_node("Add", ["h_in", "w"], ["t"])], {}, ["t"], {"w": floats(3)})
    other = graph_of([helper.make_node("Sub", ["h_in", "x"], ["e"])], {}, ["e"])
    body = [
        helper.make_node("Identity", ["go"], ["go_on"]),
        helper.make_node("ReduceSum", ["h_in"], ["total"], keepdims=0),
        helper.make_node("Greater", ["total", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["h_out"], then_branch=then, else_branch=other),
    ]
    model = _loop(body, {"h": floats(3)}, ["h_out"], {"zero": np.float32(0)}, inputs={"h": floats(3), "x": floats(3)})
    assert_same(model, [floats(3), floats(3, seed=1)])


def test_known_numbers_from_outside_reach_a_body():
    body = [
        helper.make_node("Identity", ["go"], ["go_on"]),
        helper.make_node("Reshape", ["h_in", "wide"], ["flat"]),
        helper.make_node("Gather", ["flat", "order"], ["mixed"]),
        helper.make_node("Reshape", ["mixed", "square"], ["h_out"]),
    ]
    weights = {"wide": numbers(-1), "square": numbers(2, 2), "order": numbers(3, 1, 0, 2)}
    assert_same(_loop(body, {"h": floats(2, 2)}, ["h_out"], weights), [floats(2, 2)])
