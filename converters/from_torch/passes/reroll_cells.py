"""Finds recurrent cells that a Python loop calls step after step, and makes one recurrent layer of them.

torch.export unrolls a loop over time: LSTMCell, GRUCell and RNNCell stand in the program once for every step. A
chain of cells with the same weights, each taking the state of the one before and the next step of one tensor, is a
recurrent layer, and later tools keep a layer whole.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .node_writer import NodeWriter, ProgramEdit, arguments_of, erase_unused
from .per_step import Step, batch_steps, consecutive, join_steps, step_of, write_steps

_aten = torch.ops.aten

_LAYERS: dict[Any, Any] = {
    _aten.lstm_cell.default: _aten.lstm.input,
    _aten.gru_cell.default: _aten.gru.input,
    _aten.rnn_tanh_cell.default: _aten.rnn_tanh.input,
    _aten.rnn_relu_cell.default: _aten.rnn_relu.input,
}


def reroll_cells(program: ExportedProgram) -> ExportedProgram:
    """The program with chains of cells as recurrent layers; the same object when it has no such chain.

    Takes a program as torch.export.export makes it (before run_decompositions). A chain whose inputs depend on
    its own outputs, or whose inner cell states are used elsewhere, stays as it is: see `cells_in_chains`.
    """
    if not cells_in_chains(program):
        return program
    edit = ProgramEdit(program)
    rerolled = 0
    while True:
        found = _reroll(edit)
        rerolled += found
        if not (batch_steps(edit) | join_steps(edit)) and not found:
            break
    if rerolled == 0:
        return program
    erase_unused(edit.graph, [node for node in edit.graph.nodes if node.op == "call_function" and not node.is_impure()])
    return edit.program()


def cells_in_chains(program: ExportedProgram) -> list[fx.Node]:
    """The cells that take their state from a cell with the same weights: the steps of a loop that was unrolled."""
    return [cell for cell in _cells(program.graph) if _before(cell) is not None]


def _cells(graph: fx.Graph) -> Iterator[fx.Node]:
    for target in _LAYERS:
        yield from graph.find_nodes(op="call_function", target=target)


def _before(cell: fx.Node) -> fx.Node | None:
    """The cell of the same weights whose new state this one takes, if there is one."""
    state = arguments_of(cell)[1]
    before = _common_source(state) if cell.target is _aten.lstm_cell.default else state
    if not isinstance(before, fx.Node) or before.target is not cell.target:
        return None
    return before if _weights(before) == _weights(cell) else None


def _common_source(states: Any) -> Any:
    """The LSTM cell that yields both h and c, in this order."""
    sources = [
        state.args[0] if state.target is operator.getitem and state.args[1] == position else None
        for position, state in enumerate(states)
    ]
    return sources[0] if sources[0] is sources[1] else None


def _weights(cell: fx.Node) -> tuple[Any, ...]:
    return (*arguments_of(cell)[2:], *cell.kwargs.values())


def _reroll(edit: ProgramEdit) -> int:
    """Replace every chain that can be; gives how many."""
    runs = [run for chain in _chains(edit.graph) for run in _runs(chain)]
    for cells, steps in runs:
        _replace(edit, cells, steps)
    return len(runs)


def _chains(graph: fx.Graph) -> Iterator[list[fx.Node]]:
    """Cells one after another, each the only one of its weights to take the state of the one before."""
    cells = list(_cells(graph))
    before = {cell: source for cell in cells if (source := _before(cell)) is not None}
    takers = Counter(before.values())
    after = {source: cell for cell, source in before.items() if takers[source] == 1}
    linked = set(after.values())
    for cell in cells:
        if cell in linked:
            continue
        chain = [cell]
        while chain[-1] in after:
            chain.append(after[chain[-1]])
        yield chain


def _runs(chain: list[fx.Node]) -> Iterator[tuple[list[fx.Node], list[Step]]]:
    """The parts of a chain that go through neighbouring steps of one tensor."""
    start = 0
    while start < len(chain) - 1:
        end = start + 1
        while end < len(chain) and _goes_on(chain, start, end):
            end += 1
        steps = consecutive([step_of(cell.args[0]) for cell in chain[start:end]])
        if steps is not None and steps[0].base.meta["val"].dim() == 3:
            yield chain[start:end], steps
        start = end


def _goes_on(chain: list[fx.Node], start: int, end: int) -> bool:
    """Whether a run from `start` may take in the cell at `end`: the next step, no inner state used elsewhere."""
    if any(user is not chain[end] for user in _inner_state_users(chain[end - 1])):
        return False
    window = chain[max(start, end - 2) : end + 1]
    return consecutive([step_of(cell.args[0]) for cell in window]) is not None


def _inner_state_users(cell: fx.Node) -> list[fx.Node]:
    """Who uses an LSTM cell's c, which a layer does not hand out for every step."""
    if cell.target is not _aten.lstm_cell.default:
        return []
    return [user for item in cell.users if arguments_of(item)[1] == 1 for user in item.users]


def _replace(edit: ProgramEdit, cells: list[fx.Node], steps: list[Step]) -> None:
    with edit.graph.inserting_before(cells[0]):
        w = edit.writer(cells[0])
        outputs, cell_state = _write_layer(w, cells[0], steps)
        hidden = [
            w.call_for(_hidden_of(cell), _aten.select.int, outputs, 0, number) for number, cell in enumerate(cells)
        ]
    for cell, state in reversed(list(zip(cells, hidden, strict=True))):
        for old in _hidden_nodes(cell):
            edit.replace(old, state)
        if cell is cells[-1] and cell_state is not None:
            for item in cell.users:
                edit.replace(item, cell_state)
        for item in list(cell.users):
            edit.graph.erase_node(item)
        edit.graph.erase_node(cell)


def _write_layer(w: NodeWriter, first: fx.Node, steps: list[Step]) -> tuple[fx.Node, fx.Node | None]:
    """The layer for a run: its outputs [time, batch, width], and an LSTM's last cell state [batch, width]."""
    axis = steps[0].axis
    sequence = write_steps(w, steps)
    if axis:
        sequence = w.call(_aten.permute.default, sequence, [axis, *(dim for dim in range(3) if dim != axis)])
    state = arguments_of(first)[1]
    is_lstm = first.target is _aten.lstm_cell.default
    initial = [w.call(_aten.unsqueeze.default, own, 0) for own in (state if is_lstm else [state])]
    weights = [weight for weight in _weights(first) if weight is not None]
    shapes = [_sequence_value(w, sequence, initial[0]), *(node.meta["val"] for node in initial)]
    options = (len(weights) == 4, 1, 0.0, False, False, False)
    given = initial if is_lstm else initial[0]
    layer = w.call_for(tuple(shapes), _LAYERS[first.target], sequence, given, weights, *options)
    outputs, *last = w.items(layer)
    return outputs, w.call(_aten.select.int, last[1], 0, 0) if is_lstm else None


def _sequence_value(w: NodeWriter, sequence: fx.Node, state: fx.Node) -> torch.Tensor:
    like: torch.Tensor = sequence.meta["val"]
    return w.empty((*like.shape[:2], state.meta["val"].shape[-1]), like)


def _hidden_nodes(cell: fx.Node) -> list[fx.Node]:
    """The nodes that stand for a cell's new hidden state."""
    if cell.target is not _aten.lstm_cell.default:
        return [cell]
    return [item for item in cell.users if arguments_of(item)[1] == 0]


def _hidden_of(cell: fx.Node) -> Any:
    value = cell.meta["val"]
    return value[0] if isinstance(value, (tuple, list)) else value
