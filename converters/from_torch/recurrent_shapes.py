"""Lets torch.export keep a recurrent layer as one operator, with shapes known by formula instead of by unrolling.

While it traces, torch.export runs every operator on tensors without data. For a recurrent layer it runs PyTorch's
Python decomposition, a loop over all time steps: a two-layer LSTM over 512 steps takes 15 s to export, and the
loop fixes the batch and the sequence length to the example's. The outputs' shapes follow from the inputs' alone, so
a formula answers in no time and leaves both dimensions free (torch 2.13; torch.export._patches has the same
replacement for LSTM and GRU with a while_loop).
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Generator
from typing import Any

import torch
from torch._decomp import global_decomposition_table

_aten = torch.ops.aten
# Where torch.export looks for a kernel, and where a retrace (run_decompositions) does.
_KEY = torch._C.DispatchKey.CompositeImplicitAutograd
_DECOMPOSITIONS: dict[Any, Any] = global_decomposition_table["post_autograd"]


def _sequence_like(x: torch.Tensor, width: int, *, bidirectional: bool) -> torch.Tensor:
    return x.new_empty((x.shape[0], x.shape[1], width * (2 if bidirectional else 1)))


def _lstm_shapes(x: torch.Tensor, states: list[torch.Tensor], *options: Any) -> tuple[torch.Tensor, ...]:
    """Outputs of aten::lstm.input: sequence, last hidden state, last cell state; h may be narrower than c."""
    hidden, cell = states
    sequence = _sequence_like(x, hidden.shape[-1], bidirectional=options[5])
    return sequence, torch.empty_like(hidden), torch.empty_like(cell)


def _rnn_shapes(x: torch.Tensor, hidden: torch.Tensor, *options: Any) -> tuple[torch.Tensor, ...]:
    """Outputs of aten::gru.input, rnn_tanh.input and rnn_relu.input: sequence and last hidden state."""
    return _sequence_like(x, hidden.shape[-1], bidirectional=options[5]), torch.empty_like(hidden)


def _lstm_cell_shapes(_x: torch.Tensor, states: list[torch.Tensor], *_weights: Any) -> tuple[torch.Tensor, ...]:
    """Outputs of aten::lstm_cell: hidden state and cell state."""
    return torch.empty_like(states[0]), torch.empty_like(states[1])


def _cell_shapes(_x: torch.Tensor, hidden: torch.Tensor, *_weights: Any) -> torch.Tensor:
    """Output of aten::gru_cell, rnn_tanh_cell and rnn_relu_cell: the hidden state."""
    return torch.empty_like(hidden)


_CELL_SHAPES: dict[Any, Callable[..., Any]] = {
    _aten.lstm_cell.default: _lstm_cell_shapes,
    _aten.gru_cell.default: _cell_shapes,
    _aten.rnn_tanh_cell.default: _cell_shapes,
    _aten.rnn_relu_cell.default: _cell_shapes,
}
_SHAPES: dict[Any, Callable[..., tuple[torch.Tensor, ...]]] = {
    _aten.lstm.input: _lstm_shapes,
    _aten.gru.input: _rnn_shapes,
    _aten.rnn_tanh.input: _rnn_shapes,
    _aten.rnn_relu.input: _rnn_shapes,
}


@contextlib.contextmanager
def whole_recurrent_layers() -> Generator[None]:
    """Within it, exporting or retracing a program takes recurrent layers whole, however long the sequence is.

    Only tracing may happen within, and no decomposition of recurrent layers: one that runs there gives
    uninitialised memory.
    """
    entries = [(operator.py_kernels, _KEY, shapes) for operator, shapes in _SHAPES.items()]
    with _replaced(entries + [(_DECOMPOSITIONS, *entry) for entry in _SHAPES.items()]), warnings.catch_warnings():
        # torch's own layers keep a list of their weights, of which torch.export then warns.
        warnings.filterwarnings("ignore", message=r"The tensor attributes? .*_flat_weights", category=UserWarning)
        yield


@contextlib.contextmanager
def quick_recurrent_cells() -> Generator[None]:
    """Within it, torch.export does not run what a recurrent cell is made of: 512 steps take a third of the time.

    For torch.export.export alone: what decomposes cells within it would lose them.
    """
    with _replaced([(operator.py_kernels, _KEY, shapes) for operator, shapes in _CELL_SHAPES.items()]):
        yield


@contextlib.contextmanager
def _replaced(entries: list[tuple[dict[Any, Any], Any, Callable[..., Any]]]) -> Generator[None]:
    """Tables with other entries for a while."""
    before = [(table, key, table.get(key)) for table, key, _ in entries]
    try:
        for table, key, shapes in entries:
            table[key] = shapes
        _forget_dispatch()
        yield
    finally:
        for table, key, kernel in before:
            if kernel is None:
                table.pop(key, None)
            else:
                table[key] = kernel
        _forget_dispatch()


def _forget_dispatch() -> None:
    for operator in (*_SHAPES, *_CELL_SHAPES):
        operator._dispatch_cache.clear()
