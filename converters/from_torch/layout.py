"""Moves the channel axis of four-dimensional inputs and outputs where the user wants it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..layouts import axes_to, other
from ..signature import Signature


class RelaidModule(torch.nn.Module):
    """Takes and gives tensors in the layouts named (None: as `module` has them)."""

    def __init__(
        self, module: torch.nn.Module, inputs: tuple[str | None, ...], outputs: tuple[str | None, ...]
    ) -> None:
        super().__init__()
        self.module = module
        self._inputs = [axes_to(other(layout)) if layout else None for layout in inputs]
        self._outputs = [axes_to(layout) if layout else None for layout in outputs]

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The module's outputs, axes moved."""
        own = (
            tensor if axes is None else tensor.permute(axes) for tensor, axes in zip(tensors, self._inputs, strict=True)
        )
        results = self.module(*own)
        return tuple(
            tensor if axes is None else tensor.permute(axes).contiguous()
            for tensor, axes in zip(results, self._outputs, strict=True)
        )


def relay(
    module: torch.nn.Module, examples: tuple[torch.Tensor, ...], layouts: Mapping[str, str], signature: Signature
) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """The module and its examples with the named tensors moved to their new layout (see layouts.py)."""
    if not layouts:
        return module, examples
    moved_in = tuple(layouts.get(spec.name) for spec in signature.inputs)
    moved_out = tuple(layouts.get(spec.name) for spec in signature.outputs)
    moved_examples = tuple(
        tensor.permute(axes_to(layout)).contiguous() if layout else tensor
        for tensor, layout in zip(examples, moved_in, strict=True)
    )
    return RelaidModule(module, moved_in, moved_out).eval(), moved_examples
