"""Writes a recurrent cell that stands alone as the two linear layers and the gates that it is."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .node_writer import NodeWriter, ProgramEdit

_aten = torch.ops.aten
_LSTM, _GRU = _aten.lstm_cell.default, _aten.gru_cell.default


def spell_out_cells(program: ExportedProgram) -> ExportedProgram:
    """The program with its lstm_cell and gru_cell operators written out, those inside of loops left as they are.

    A model that an application steps, with the state as an input and an output, has its cells so; most of its weights
    are theirs (of silero's, four in ten), and a layer is what can be quantised.
    """
    edit = ProgramEdit(program)
    cells = [*edit.graph.find_nodes(op="call_function", target=_LSTM)]
    gated = [*edit.graph.find_nodes(op="call_function", target=_GRU)]
    if not cells and not gated:
        return program
    for node in (*cells, *gated):
        with edit.graph.inserting_before(node):
            w = edit.writer(node)
            if node.target is _LSTM:
                _give(edit, node, _lstm(w, node))
            else:
                edit.replace(node, _gru(w, node))
        edit.graph.erase_node(node)
    return edit.program()


def _give(edit: ProgramEdit, node: fx.Node, values: tuple[fx.Node, fx.Node]) -> None:
    for part in list(node.users):
        assert part.target is operator.getitem
        place: Any = part.args[1]
        edit.replace(part, values[place])
        edit.graph.erase_node(part)


def _lstm(w: NodeWriter, node: fx.Node) -> tuple[fx.Node, fx.Node]:
    """The state and the memory (Hochreiter and Schmidhuber, 1997; the order of the gates is torch.nn.LSTMCell's)."""
    arguments: Any = node.args
    value, (state, memory), *weights = arguments
    gates = w.call(_aten.add.Tensor, *_products(w, node, value, state, weights))
    enter, forget, new, leave = w.items(w.call(_aten.chunk.default, gates, 4, -1))
    kept = w.call(_aten.mul.Tensor, _sigmoid(w, forget), memory)
    added = w.call(_aten.mul.Tensor, _sigmoid(w, enter), w.call(_aten.tanh.default, new))
    memory = w.call(_aten.add.Tensor, kept, added)
    return w.call(_aten.mul.Tensor, _sigmoid(w, leave), w.call(_aten.tanh.default, memory)), memory


def _gru(w: NodeWriter, node: fx.Node) -> fx.Node:
    """The state (Cho et al., 2014; in the form of torch.nn.GRUCell, whose reset gate multiplies the product)."""
    arguments: Any = node.args
    value, state, *weights = arguments
    seen, known = (
        w.items(w.call(_aten.chunk.default, product, 3, -1)) for product in _products(w, node, value, state, weights)
    )
    reset, update = (_sigmoid(w, w.call(_aten.add.Tensor, seen[gate], known[gate])) for gate in (0, 1))
    remembered = w.call(_aten.mul.Tensor, reset, known[2])
    new = w.call(_aten.tanh.default, w.call(_aten.add.Tensor, seen[2], remembered))
    change = w.call(_aten.mul.Tensor, update, w.call(_aten.sub.Tensor, state, new))
    return w.call(_aten.add.Tensor, new, change)


def _products(w: NodeWriter, node: fx.Node, value: Any, state: Any, weights: Any) -> tuple[fx.Node, fx.Node]:
    """Of the input and of the state; named after the cell, for recipes."""
    of_input, of_state, *biases = weights
    biases = [*biases, None, None]
    layers = (
        w.call(_aten.linear.default, value, of_input, biases[0]),
        w.call(_aten.linear.default, state, of_state, biases[1]),
    )
    for layer, name in zip(layers, ("input", "state"), strict=True):
        layer._rename(f"{node.name}_{name}")
    return layers


def _sigmoid(w: NodeWriter, value: fx.Node) -> fx.Node:
    return w.call(_aten.sigmoid.default, value)
