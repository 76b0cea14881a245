"""Recurrent layers agree with ONNX Runtime: whole where torch has the same layer, as a scan where it has not."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx_graphs import as_tensors, assert_same, floats, one_node

from edgeproof.converters.errors import UnsupportedOperators
from edgeproof.converters.from_onnx.module import module_from_onnx

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_STEPS, _BATCH, _IN, _HIDDEN = 6, 3, 4, 5


def _layer(kind: str, *, options: str = "", **attributes: Any) -> tuple[onnx.ModelProto, list[np.ndarray]]:
    """A layer; `options` asks for a bias (b), lengths (l), first states (h) and peepholes (p)."""
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    gates, batch_first = _GATES[kind] * _HIDDEN, attributes.get("layout", 0)
    state = (_BATCH, directions, _HIDDEN) if batch_first else (directions, _BATCH, _HIDDEN)
    arrays = [
        floats(*((_BATCH, _STEPS, _IN) if batch_first else (_STEPS, _BATCH, _IN))),
        floats(directions, gates, _IN, seed=1),
        floats(directions, gates, _HIDDEN, seed=2),
        floats(directions, 2 * gates, seed=3) if "b" in options else None,
        np.array([6, 2, 4], np.int32) if "l" in options else None,
        floats(*state, seed=4) if "h" in options else None,
    ]
    if kind == "LSTM":
        arrays += [floats(*state, seed=5) if "h" in options else None]
        arrays += [floats(directions, 3 * _HIDDEN, seed=6) if "p" in options else None]
    outputs = 3 if kind == "LSTM" else 2
    return one_node(kind, arrays, weights=".www...w", outputs=outputs, opset=14, hidden_size=_HIDDEN, **attributes)


def _calls(module: torch.nn.Module, inputs: list[np.ndarray]) -> set[str]:
    program = torch.export.export(module, as_tensors(inputs))
    return {str(node.target) for node in program.graph.nodes if node.op == "call_function"}


@pytest.mark.parametrize(
    ("kind", "operator", "attributes"),
    [
        ("LSTM", "aten.lstm.input", {}),
        ("GRU", "aten.gru.input", {"linear_before_reset": 1}),
        ("RNN", "aten.rnn_tanh.input", {}),
        ("RNN", "aten.rnn_relu.input", {"activations": ["Relu"]}),
    ],
)
@pytest.mark.parametrize("options", ["", "bh"])
def test_a_plain_layer_stays_whole(kind: str, operator: str, attributes: dict[str, Any], options: str):
    model, inputs = _layer(kind, options=options, **attributes)
    assert operator in _calls(assert_same(model, inputs, exported=False), inputs)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("direction", ["reverse", "bidirectional"])
def test_a_plain_layer_agrees_in_both_directions(kind: str, direction: str):
    attributes: dict[str, Any] = {"linear_before_reset": 1} if kind == "GRU" else {}
    if kind == "RNN" and direction == "bidirectional":
        attributes["activations"] = ["Tanh", "Tanh"]
    model, inputs = _layer(kind, options="bh", direction=direction, **attributes)
    calls = _calls(assert_same(model, inputs), inputs)
    assert "scan" not in calls


def test_weights_are_put_in_torchs_order_once():
    model, inputs = _layer("LSTM", options="bh")
    program = torch.export.export(module_from_onnx(model), as_tensors(inputs))
    lstm = next(node for node in program.graph.nodes if "lstm" in str(node.target))
    assert all(weight.op == "placeholder" for weight in lstm.args[2])


_OTHERS: list[tuple[str, str, dict[str, Any]]] = [
    ("GRU", "bh", {}),
    ("GRU", "", {"clip": 0.5, "linear_before_reset": 1}),
    ("GRU", "b", {"activations": ["HardSigmoid", "Softsign"], "linear_before_reset": 1}),
    ("LSTM", "bhp", {}),
    ("LSTM", "b", {"input_forget": 1}),
    ("LSTM", "b", {"clip": 1.0}),
    (
        "LSTM",
        "b",
        {"activations": ["HardSigmoid", "Tanh", "Tanh"], "activation_alpha": [0.3], "activation_beta": [0.4]},
    ),
    ("LSTM", "", {"activations": ["Sigmoid", "Relu", "Elu"]}),
    ("RNN", "b", {"activations": ["Affine"], "activation_alpha": [0.5], "activation_beta": [0.1]}),
    ("RNN", "b", {"activations": ["ScaledTanh"], "activation_alpha": [0.5], "activation_beta": [0.7]}),
    ("RNN", "", {"activations": ["LeakyRelu"], "activation_alpha": [0.1]}),
    ("RNN", "", {"activations": ["ThresholdedRelu"], "activation_alpha": [0.2]}),
]


@pytest.mark.parametrize(("kind", "options", "attributes"), _OTHERS)
def test_what_torch_has_no_layer_for_becomes_one_scan(kind: str, options: str, attributes: dict[str, Any]):
    model, inputs = _layer(kind, options=options, **attributes)
    assert "scan" in _calls(assert_same(model, inputs), inputs)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_rows_of_a_batch_end_at_their_lengths(kind: str, direction: str):
    attributes = {"activations": ["Tanh", "Tanh"]} if (kind, direction) == ("RNN", "bidirectional") else {}
    assert_same(*_layer(kind, options="blh", direction=direction, **attributes))


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("GRU", {"linear_before_reset": 1}),
        ("GRU", {"linear_before_reset": 0}),
        ("LSTM", {"direction": "bidirectional"}),
        ("RNN", {"direction": "reverse"}),
        ("RNN", {"activations": ["Relu"]}),
    ],
)
def test_the_length_of_the_sequence_and_the_batch_may_be_dynamic(kind: str, attributes: dict[str, Any]):
    model, inputs = _layer(kind, options="b", **attributes)
    module = module_from_onnx(model)
    dynamic = (({0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC},),)
    program = torch.export.export(module, as_tensors(inputs), dynamic_shapes=dynamic).module()
    longer = torch.randn(17, 5, _IN)
    for got, expected in zip(program(longer), module(longer), strict=True):
        torch.testing.assert_close(got, expected)


def test_batch_first_is_turned():
    model, inputs = _layer("LSTM", options="bh")
    turned, turned_inputs = _layer("LSTM", options="bh", layout=1)
    turned_inputs[0] = inputs[0].transpose(1, 0, 2)
    turned_inputs[1:] = [array.transpose(1, 0, 2) for array in inputs[1:]]
    y, h, c = module_from_onnx(turned)(*as_tensors(turned_inputs))
    expected = module_from_onnx(model)(*as_tensors(inputs))
    torch.testing.assert_close(y, expected[0].permute(2, 0, 1, 3))
    torch.testing.assert_close((h, c), (expected[1].transpose(0, 1), expected[2].transpose(0, 1)))


def test_an_unknown_activation_is_refused_in_words():
    model, inputs = _layer("RNN", activations=["Gelu"])
    with pytest.raises(UnsupportedOperators, match="gelu"):
        module_from_onnx(model)(*as_tensors(inputs))
