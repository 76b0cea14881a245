"""Gives the ONNX exporter translations of recurrent layers: one LSTM, GRU or RNN node for each layer.

The exporter's own (torch 2.13 with onnxscript 0.7) know LSTM without weight_hr and GRU, reshape by sizes that are
only right for the example's lengths in some graphs, and have none for RNN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from onnxscript import opset18
from onnxscript.optimizer import fold_constants
from torch import fx
from torch.export import ExportedProgram

from .passes.node_writer import arguments_of
from .passes.recurrent_to_scan import recurrent_to_scan

_aten = torch.ops.aten
op: Any = opset18  # its stubs know neither traced values nor missing inputs

# The blocks of torch's weights in the order in which ONNX wants them: i f g o to i o f c, r z n to z r h.
_LSTM_BLOCKS = (0, 3, 1, 2)
_GRU_BLOCKS = (1, 0, 2)
_RNN_BLOCKS = (0,)
_WEIGHT_OPERATORS = frozenset({"Gather", "Unsqueeze", "Concat"})
_NO_LIMIT = 2**40


def translation_table() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What torch.onnx.export takes as custom_translation_table."""
    return {
        _aten.lstm.input: _lstm,
        _aten.gru.input: _gru,
        _aten.rnn_tanh.input: _rnn("Tanh"),
        _aten.rnn_relu.input: _rnn("Relu"),
    }


def layers_for_onnx(program: ExportedProgram) -> ExportedProgram:
    """The program with those recurrent layers as scans that have no ONNX operator: LSTMs with a projection."""
    return recurrent_to_scan(program, only=_is_projected)


def fold_layer_weights(model: ir.Model) -> None:
    """Store the weights of recurrent layers as their nodes want them, in place: not as torch orders the gates."""
    needed = _weights_of_layers(model.graph)
    fold_constants(
        model,
        input_size_limit=_NO_LIMIT,
        output_size_limit=_NO_LIMIT,
        should_fold=lambda node: True if node in needed else None,
    )
    stored = model.graph.initializers
    for name in [name for name, value in stored.items() if not value.uses() and not value.is_graph_output()]:
        del stored[name]


def _weights_of_layers(graph: ir.Graph) -> set[ir.Node]:
    """The nodes that arrange weights for recurrent layers."""
    found: set[ir.Node] = set()
    queue = [value for node in graph if node.op_type in {"LSTM", "GRU", "RNN"} for value in node.inputs[1:4]]
    while queue:
        value = queue.pop()
        node = None if value is None else value.producer()
        if node is not None and node.op_type in _WEIGHT_OPERATORS and node not in found:
            found.add(node)
            queue.extend(node.inputs)
    return found


def _is_projected(node: fx.Node) -> bool:
    if node.target is not _aten.lstm.input:
        return False
    hidden, cell = arguments_of(node)[1]
    return bool(hidden.meta["val"].shape[-1] != cell.meta["val"].shape[-1])


def _lstm(x: Any, states: Sequence[Any], params: Sequence[Any], *options: Any) -> tuple[Any, ...]:
    def node(sequence: Any, weights: list[Any], initial: list[Any], **attributes: Any) -> Any:
        return op.LSTM(sequence, *weights, None, *initial, **attributes)

    return _layers((x, list(states), params), options, node, _LSTM_BLOCKS)


def _gru(x: Any, state: Any, params: Sequence[Any], *options: Any) -> tuple[Any, ...]:
    # torch resets after the recurrent product, linear_before_reset in ONNX's words.
    def node(sequence: Any, weights: list[Any], initial: list[Any], **attributes: Any) -> Any:
        return op.GRU(sequence, *weights, None, *initial, linear_before_reset=1, **attributes)

    return _layers((x, [state], params), options, node, _GRU_BLOCKS)


def _rnn(activation: str) -> Callable[..., tuple[Any, ...]]:
    def translate(x: Any, state: Any, params: Sequence[Any], *options: Any) -> tuple[Any, ...]:
        def node(sequence: Any, weights: list[Any], initial: list[Any], **attributes: Any) -> Any:
            directions = 2 if attributes["direction"] == "bidirectional" else 1
            return op.RNN(sequence, *weights, None, *initial, activations=[activation] * directions, **attributes)

        return _layers((x, [state], params), options, node, _RNN_BLOCKS)

    return translate


def _layers(
    operands: tuple[Any, list[Any], Sequence[Any]],
    options: tuple[Any, ...],
    node: Callable[..., Any],
    blocks: tuple[int, ...],
) -> tuple[Any, ...]:
    """All layers of an aten operator: its outputs, sequence first."""
    sequence, states, params = operands
    has_biases, layers, _dropout, _train, bidirectional, batch_first = options
    directions = 2 if bidirectional else 1
    hidden_size = states[0].shape[2]
    each = len(params) // layers
    sequence = op.Transpose(sequence, perm=[1, 0, 2]) if batch_first else sequence
    finals: list[tuple[Any, ...]] = []
    for layer in range(layers):
        own = params[layer * each : (layer + 1) * each]
        weights = _weights(own, directions, hidden_size, blocks, has_biases=has_biases)
        initial = [_part(state, layer, layers, directions) for state in states]
        direction = "bidirectional" if bidirectional else "forward"
        outputs, *last = node(sequence, weights, initial, hidden_size=hidden_size, direction=direction)
        sequence = _joined_directions(outputs, directions)
        finals.append(tuple(last))
    sequence = op.Transpose(sequence, perm=[1, 0, 2]) if batch_first else sequence
    return (sequence, *(_concat(list(group), 0) for group in zip(*finals, strict=True)))


def _weights(
    params: Sequence[Any], directions: int, hidden_size: int, blocks: tuple[int, ...], *, has_biases: bool
) -> list[Any]:
    """W, R and B (None without biases) of a layer, each with the directions along its first axis."""
    each = len(params) // directions
    rows = np.arange(len(blocks) * hidden_size).reshape(len(blocks), hidden_size)[list(blocks)].reshape(-1)
    order = None if blocks == tuple(range(len(blocks))) else op.Constant(value=ir.tensor(rows))

    def arranged(weight: Any) -> Any:
        return weight if order is None else op.Gather(weight, order, axis=0)

    def per_direction(make: Callable[[Sequence[Any]], Any]) -> Any:
        own = [params[number * each : (number + 1) * each] for number in range(directions)]
        return _concat([op.Unsqueeze(make(one), op.Constant(value_ints=[0])) for one in own], 0)

    return [
        per_direction(lambda own: arranged(own[0])),
        per_direction(lambda own: arranged(own[1])),
        per_direction(lambda own: op.Concat(arranged(own[2]), arranged(own[3]), axis=0)) if has_biases else None,
    ]


def _part(state: Any, layer: int, layers: int, directions: int) -> Any:
    """One layer's initial state [directions, batch, width]."""
    if layers == 1:
        return state
    bounds = [op.Constant(value_ints=[number * directions]) for number in (layer, layer + 1)]
    return op.Slice(state, *bounds, op.Constant(value_ints=[0]))


def _joined_directions(outputs: Any, directions: int) -> Any:
    """[time, directions, batch, width] as [time, batch, directions x width]; 0 keeps an axis as long as it is."""
    if directions == 1:
        return op.Squeeze(outputs, op.Constant(value_ints=[1]))
    return op.Reshape(op.Transpose(outputs, perm=[0, 2, 1, 3]), op.Constant(value_ints=[0, 0, -1]))


def _concat(parts: list[Any], axis: int) -> Any:
    return parts[0] if len(parts) == 1 else op.Concat(*parts, axis=axis)
