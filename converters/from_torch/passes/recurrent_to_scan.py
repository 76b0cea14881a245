"""Turns recurrent layers into scans: loops that every later tool can keep as loops.

LSTM, GRU and RNN layers stand in an exported program as one operator each (aten.lstm.input and so on), which the
usual decompositions unroll over all time steps. A scan's size does not depend on the sequence length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ...errors import ConversionError
from .aliases import origins
from .node_writer import NodeWriter, ProgramEdit, arguments_of, erase_unused
from .recurrent_layers import GRU, LSTM, RNN_RELU, RNN_TANH, Kind, Weights, write_direction

_aten = torch.ops.aten

KINDS: dict[Any, Kind] = {
    _aten.lstm.input: LSTM,
    _aten.gru.input: GRU,
    _aten.rnn_tanh.input: RNN_TANH,
    _aten.rnn_relu.input: RNN_RELU,
}


def recurrent_to_scan(
    program: ExportedProgram, *, only: Callable[[fx.Node], bool] = lambda _node: True
) -> ExportedProgram:
    """The program with every recurrent layer as scans; the same object when it has none.

    Takes a program as torch.export.export makes it (before run_decompositions). Inputs, outputs, state dict and
    dynamic dimensions stay; `only` may leave some layers as they are. Raises ConversionError for a layer that
    drops out between its layers, which happens in training mode alone.
    """
    if not any(only(node) for node in recurrent_nodes(program.graph)):
        return program
    edit = ProgramEdit(program)
    for node in list(recurrent_nodes(edit.graph)):
        if only(node):
            _replace(edit, node)
    return edit.program()


def recurrent_nodes(graph: fx.Graph) -> Iterator[fx.Node]:
    """The graph's recurrent layers."""
    for kind in KINDS:
        yield from graph.find_nodes(op="call_function", target=kind)


def _replace(edit: ProgramEdit, node: fx.Node) -> None:
    _refuse_dropout(node)
    before = set(edit.graph.nodes)
    with edit.graph.inserting_before(node):
        results = _write_layers(edit, node)
    for getitem in list(node.users):
        edit.replace(getitem, results[arguments_of(getitem)[1]])
        edit.graph.erase_node(getitem)
    edit.graph.erase_node(node)
    erase_unused(edit.graph, [made for made in edit.graph.nodes if made not in before])


def _refuse_dropout(node: fx.Node) -> None:
    layers, dropout, train = arguments_of(node)[4:7]
    if train and dropout and layers > 1:
        raise ConversionError(
            f"{node.target} drops out between its {layers} layers, as in training: an artifact would be random",
            fix="call model.eval() before the model is exported",
        )


def _write_layers(edit: ProgramEdit, node: fx.Node) -> list[fx.Node]:
    """The operator's outputs: sequence, then every state as [layers x directions, batch, width]."""
    w = edit.writer(node)
    x, initial, flat, has_biases, layers, _dropout, _train, bidirectional, batch_first = arguments_of(node)
    states = _apart(w, list(initial) if isinstance(initial, Sequence) else [initial])
    directions = 2 if bidirectional else 1
    weights = list(_weights(flat, has_biases=has_biases, count=layers * directions))
    x = w.call(_aten.transpose.int, x, 0, 1) if batch_first else x
    finals: list[list[fx.Node]] = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            index = layer * directions + direction
            own = [w.call(_aten.select.int, state, 0, index) for state in states]
            sequence, last = write_direction(
                edit, w, KINDS[node.target], (x, own, weights[index]), reverse=direction == 1
            )
            outputs.append(sequence)
            finals.append(last)
        x = w.call(_aten.cat.default, outputs, -1) if bidirectional else outputs[0]
    x = w.call(_aten.transpose.int, x, 0, 1) if batch_first else x
    return [x, *_stacked(w, finals)]


def _apart(w: NodeWriter, states: list[fx.Node]) -> list[fx.Node]:
    """The states in memory of their own, which scan asks for: `h = c = zeros` is one tensor, and `state[0]` a view.

    A clone would be taken out again; a product is folded if the state is a constant.
    """
    taken: set[fx.Node] = set()
    found: list[fx.Node] = []
    for state in states:
        memory = origins(state)
        found.append(w.call(_aten.mul.Scalar, state, 1) if memory & taken else state)
        taken |= memory
    return found


def _weights(flat: Sequence[fx.Node], *, has_biases: bool, count: int) -> Iterator[Weights]:
    """The weights of each layer and direction, out of the operator's one list."""
    each = len(flat) // count
    for start in range(0, len(flat), each):
        own = list(flat[start : start + each])
        projection = own.pop() if each in {3, 5} else None
        biases = own[2:] if has_biases else [None, None]
        yield Weights(
            input=own[0], recurrent=own[1], input_bias=biases[0], recurrent_bias=biases[1], projection=projection
        )


def _stacked(w: NodeWriter, finals: list[list[fx.Node]]) -> list[fx.Node]:
    """Every state of all layers and directions as one tensor."""
    return [
        w.call(_aten.unsqueeze.default, group[0], 0) if len(group) == 1 else w.call(_aten.stack.default, list(group), 0)
        for group in zip(*finals, strict=True)
    ]
