"""Recurrent models of every kind, small, and their programs as the converters make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch_lowering import Flat, Tensors, signature_of

from edgeproof.converters.from_torch.program import TorchProgram
from edgeproof.converters.from_torch.recurrent_shapes import whole_recurrent_layers
from edgeproof.converters.signature import Dim, Signature, TensorSpec

WIDTH = 6
FEATURES = 4

KINDS: dict[str, Callable[..., nn.RNNBase]] = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "tanh": nn.RNN,
    "relu": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="relu", **options),
    "projected": lambda *sizes, **options: nn.LSTM(*sizes, proj_size=3, **options),
}


def layer(kind: str, **options: Any) -> nn.RNNBase:
    return KINDS[kind](FEATURES, WIDTH, **options)


def states_of(recurrent: nn.RNNBase, batch: int) -> tuple[torch.Tensor, ...]:
    """Random initial states of the shapes that a layer takes."""
    count = recurrent.num_layers * (2 if recurrent.bidirectional else 1)
    hidden = torch.randn(count, batch, recurrent.proj_size or recurrent.hidden_size)
    return (hidden, torch.randn(count, batch, recurrent.hidden_size)) if isinstance(recurrent, nn.LSTM) else (hidden,)


def flat(recurrent: nn.RNNBase) -> Flat:
    """A layer that takes its input and perhaps its states, and gives its outputs and states, as a flat list."""

    def call(own: nn.RNNBase, x: torch.Tensor, *states: torch.Tensor) -> list[torch.Tensor]:
        given = states if isinstance(own, nn.LSTM) else (states or (None,))[0]
        outputs, last = own(x, given or None) if isinstance(own, nn.LSTM) else own(x, given)
        return [outputs, *(last if isinstance(last, tuple) else (last,))]

    return Flat(call, recurrent)


def exported_whole(module: nn.Module, inputs: Tensors, dynamic: Any = None) -> ExportedProgram:
    with torch.no_grad(), whole_recurrent_layers():
        return torch.export.export(module.eval(), tuple(inputs), dynamic_shapes=dynamic, strict=False)


def program_of(module: nn.Module, inputs: Tensors, dims: Sequence[Dim] = ()) -> TorchProgram:
    """What the four lowerings take; `dims` are open sizes of the first input's first axes."""
    with torch.no_grad():
        outputs = module.eval()(*inputs)
    signature = signature_of(inputs, outputs)
    if dims:
        first, *rest = signature.inputs
        shape = (*(dim.name for dim in dims), *first.shape[len(dims) :])
        opened = TensorSpec(name=first.name, dtype=first.dtype, shape=shape)
        signature = Signature(inputs=(opened, *rest), outputs=signature.outputs, dims=tuple(dims))
    return TorchProgram(module.requires_grad_(requires_grad=False), tuple(inputs), signature)
