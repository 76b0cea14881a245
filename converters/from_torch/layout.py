"""Moves the channel axis of four-dimensional inputs and outputs where the user wants it."""

from __future__ import annotations

import torch

from ..job import ConvertOptions, Layout
from ..layouts import NCHW_OF_NHWC, NHWC_OF_NCHW, layouts_of, move_axes
from ..signature import Signature


class RelaidModule(torch.nn.Module):
    """Takes NHWC where `inputs` says so, gives `module` NCHW, and the other way round for `outputs`."""

    def __init__(self, module: torch.nn.Module, inputs: tuple[bool, ...], outputs: tuple[bool, ...]) -> None:
        super().__init__()
        self.module = module
        self._inputs = inputs
        self._outputs = outputs

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The module's outputs, axes moved."""
        nchw = (
            tensor.permute(NCHW_OF_NHWC) if moved else tensor
            for tensor, moved in zip(tensors, self._inputs, strict=True)
        )
        results = self.module(*nchw)
        return tuple(
            tensor.permute(NHWC_OF_NCHW).contiguous() if moved else tensor
            for tensor, moved in zip(results, self._outputs, strict=True)
        )


def relay(
    module: torch.nn.Module, examples: tuple[torch.Tensor, ...], signature: Signature, options: ConvertOptions
) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...], Signature]:
    """Module, examples and signature of a PyTorch source (NCHW) with the layouts that `options` ask for."""
    layouts = layouts_of(signature, options, of_source=Layout.NCHW)
    if not layouts:
        return module, examples, signature
    moved_in = tuple(spec.name in layouts for spec in signature.inputs)
    moved_out = tuple(spec.name in layouts for spec in signature.outputs)
    wrapped = RelaidModule(module, moved_in, moved_out).eval()
    moved_examples = tuple(
        tensor.permute(NHWC_OF_NCHW).contiguous() if moved else tensor
        for tensor, moved in zip(examples, moved_in, strict=True)
    )
    return wrapped, moved_examples, move_axes(signature, layouts)
