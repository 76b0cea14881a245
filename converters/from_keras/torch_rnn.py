"""Keeps Keras' recurrent layers whole when a model is exported under the torch backend.

Keras 3.15 loops over the time steps in Python there, so that torch.export would unroll every step. While a program
is exported, the functions that its layers call answer with a recurrent layer of torch where one computes the same,
and with a scan otherwise (masks, other activations, custom cells, ConvLSTM). At all other times, and for what these
do not cover, Keras' own functions run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from keras import activations, tree
from keras.src import backend
from keras.src.backend.torch.core import convert_to_tensor
from keras.src.backend.torch.rnn import rnn as _own_rnn_function

from .scan_steps import run_untraced, scan_steps

_Rnn = tuple[Any, Any, Any]


def keep_recurrent_layers_whole() -> None:
    """Make the torch backend export recurrent layers whole, in this process; calling it again changes nothing.

    Call it before the model is exported (the model may already be loaded).
    """
    for name, whole in (("rnn", _rnn), ("lstm", _lstm), ("gru", _gru)):
        own = getattr(backend, name)
        if not hasattr(own, "keras_function"):
            setattr(backend, name, _while_exporting(whole, own))


def _while_exporting(whole: Callable[..., _Rnn], own: Callable[..., _Rnn]) -> Callable[..., _Rnn]:
    def choose(*arguments: Any, **options: Any) -> _Rnn:
        return whole(*arguments, **options) if torch.compiler.is_exporting() else own(*arguments, **options)

    choose.keras_function = own  # type: ignore[attr-defined]
    return choose


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loop:
    """How Keras wants a loop run: the keyword arguments of its `rnn`."""

    go_backwards: bool = False
    mask: Any = None
    constants: Any = None
    unroll: bool = False
    input_length: Any = None
    time_major: bool = False
    zero_output_for_mask: bool = False
    return_all_outputs: bool = True


def _rnn(step_function: Callable[..., Any], inputs: Any, initial_states: Any, **options: Any) -> _Rnn:
    """keras.src.backend.torch.rnn.rnn as a scan: last output, outputs, last states."""
    loop = _Loop(**options)
    if isinstance(loop.input_length, (torch.Tensor, list, tuple)):
        unrolled: _Rnn = _own_rnn_function(step_function, inputs, initial_states, **options)
        return unrolled
    sequences = tree.map_structure(lambda part: part if loop.time_major else part.transpose(0, 1), inputs)
    mask = _time_first_mask(loop)
    if loop.go_backwards:
        sequences = tree.map_structure(lambda part: torch.flip(part, [0]), sequences)
        mask = None if mask is None else torch.flip(mask, [0])
    return _Steps(step_function, sequences, list(initial_states), mask, loop).run()


def _time_first_mask(loop: _Loop) -> torch.Tensor | None:
    """The mask as booleans [time, batch]."""
    if loop.mask is None:
        return None
    mask: torch.Tensor = loop.mask.to(torch.bool)
    mask = mask.squeeze(-1) if mask.dim() == 3 else mask
    return mask if loop.time_major else mask.transpose(0, 1)


class _Steps:
    """One loop over time: Keras' step function with the mask's rules, run as a scan."""

    def __init__(self, step: Callable[..., Any], sequences: Any, states: Any, mask: Any, loop: _Loop) -> None:
        self._step = step
        self._sequences = sequences
        self._states = states
        self._mask = mask
        self._loop = loop
        self._constants = tuple(loop.constants or ())

    def run(self) -> _Rnn:
        """Last output, outputs with time at its place, last states."""
        flat_states = tree.flatten(self._states)
        xs = tree.flatten(self._sequences)
        sample, captured = run_untraced(self._first_output)
        self._output = sample
        held = [_zeros(part) for part in tree.flatten(sample)] if self._holds_output() else []
        self._counts = (len(flat_states), len(held))
        operands = xs if self._mask is None else [*xs, self._mask]
        last, stacked = scan_steps(self._one, [*flat_states, *held], operands, captured)
        states = tree.pack_sequence_as(self._states, last[: len(flat_states)])
        return self._results(last[len(flat_states) :], stacked, states)

    def _first_output(self) -> Any:
        first = [x[0] for x in tree.flatten(self._sequences)]
        output, _ = self._step(self._unflat(first), (*self._states, *self._constants))
        return output

    def _holds_output(self) -> bool:
        """Whether a step needs the output of the step before, or the loop only the last."""
        keeps_old = self._mask is not None and not self._loop.zero_output_for_mask
        return keeps_old or not self._loop.return_all_outputs

    def _unflat(self, parts: Sequence[Any]) -> Any:
        return tree.pack_sequence_as(self._sequences, list(parts))

    def _one(self, carried: list[Any], slices: list[Any]) -> tuple[list[Any], list[Any]]:
        """One step on flat lists: carried on are the states and perhaps the output."""
        count, _ = self._counts
        flat_states, held = carried[:count], carried[count:]
        mask = None if self._mask is None else slices.pop()
        states = tree.pack_sequence_as(self._states, flat_states)
        output, new_states = self._step(self._unflat(slices), (*states, *self._constants))
        new, outputs = tree.flatten(new_states), tree.flatten(output)
        if mask is not None:
            new = [_where(mask, ours, old) for ours, old in zip(new, flat_states, strict=True)]
            old_outputs = [torch.zeros_like(part) for part in outputs] if self._loop.zero_output_for_mask else held
            outputs = [_where(mask, ours, old) for ours, old in zip(outputs, old_outputs, strict=True)]
        shown = outputs if self._loop.return_all_outputs else []
        return [*new, *(outputs if held else [])], shown

    def _results(self, held: list[Any], stacked: list[Any], states: Any) -> _Rnn:
        whole = stacked if self._loop.return_all_outputs else [part.unsqueeze(0) for part in held]
        last = tree.pack_sequence_as(self._output, [part[-1] for part in whole])
        swapped = whole if self._loop.time_major else [part.transpose(0, 1) for part in whole]
        return last, tree.pack_sequence_as(self._output, swapped), states


def _zeros(like: torch.Tensor) -> torch.Tensor:
    """Zeros of the same shape, of which the exported program knows nothing but the sizes."""
    return torch.zeros(tuple(like.shape), dtype=like.dtype)


def _where(mask: torch.Tensor, new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    return torch.where(mask.reshape(*mask.shape, *[1] * (new.dim() - mask.dim())), new, old)


def _lstm(inputs: Any, hidden: Any, cell: Any, mask: Any, **options: Any) -> _Rnn:
    """keras.src.backend.torch.rnn.lstm through torch's own layer; the same gates in the same order."""
    if mask is not None or not _is_standard(options) or not options.get("batch_first", True):
        raise NotImplementedError  # Keras falls back to its rnn, which is ours
    kernel, recurrent = convert_to_tensor(options["kernel"]), convert_to_tensor(options["recurrent_kernel"])
    weights = [kernel.T.contiguous(), recurrent.T.contiguous()]
    if options["bias"] is not None:
        bias = convert_to_tensor(options["bias"])
        weights += [bias, torch.zeros_like(bias)]
    x, initial = _ready(inputs, [hidden, cell], kernel, options)
    outputs, *last = torch._VF.lstm(x, initial, weights, len(weights) == 4, 1, 0.0, False, False, True)
    return _answer(outputs, last, options)


def _gru(inputs: Any, hidden: Any, mask: Any, **options: Any) -> _Rnn:
    """keras.src.backend.torch.rnn.gru through torch's own layer, whose gates are reset, update, candidate."""
    if mask is not None or not _is_standard(options) or not options.get("reset_after", True):
        raise NotImplementedError
    kernel, recurrent = convert_to_tensor(options["kernel"]), convert_to_tensor(options["recurrent_kernel"])
    weights = [_reset_first(kernel).T.contiguous(), _reset_first(recurrent).T.contiguous()]
    if options["bias"] is not None:
        weights += list(_reset_first(convert_to_tensor(options["bias"])).unbind(0))
    x, initial = _ready(inputs, [hidden], kernel, options)
    outputs, *last = torch._VF.gru(x, initial[0], weights, len(weights) == 4, 1, 0.0, False, False, True)
    return _answer(outputs, last, options)


def _is_standard(options: dict[str, Any]) -> bool:
    return options["activation"] is activations.tanh and options["recurrent_activation"] is activations.sigmoid


def _reset_first(weights: torch.Tensor) -> torch.Tensor:
    """Keras' update, reset, candidate along the last axis in torch's order."""
    update, reset, candidate = weights.chunk(3, dim=-1)
    return torch.cat([reset, update, candidate], dim=-1)


def _ready(
    inputs: Any, states: list[Any], kernel: torch.Tensor, options: dict[str, Any]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The sequence in the order of the loop and the states as torch's layers take them."""
    x = convert_to_tensor(inputs).to(kernel.dtype)
    x = torch.flip(x, [1]) if options.get("go_backwards") else x
    return x, [convert_to_tensor(state).to(kernel.dtype).unsqueeze(0) for state in states]


def _answer(outputs: torch.Tensor, last: Sequence[torch.Tensor], options: dict[str, Any]) -> _Rnn:
    states = [state.squeeze(0) for state in last]
    return states[0], outputs if options.get("return_sequences") else states[0].unsqueeze(1), states
