"""Turns a program into one that computes in float16, with its inputs and outputs in float32 as before."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from ..errors import ConversionError
from .passes.drop_assertions import drop_assertions
from .passes.recurrent_to_scan import recurrent_to_scan
from .retype import cast, retype

_LARGEST = float(torch.finfo(torch.float16).max)


class HalfModule(torch.nn.Module):
    """A program's module in float16 behind casts."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__()
        self.module = module

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The program's outputs, floats in float32."""
        results = self.module(*(cast(tensor, torch.float32, torch.float16) for tensor in tensors))
        return tuple(cast(result, torch.float16, torch.float32) for result in pytree.tree_leaves(results))


def half_program(program: ExportedProgram, dynamic_shapes: Any) -> ExportedProgram:
    """The program in float16; recurrent layers become loops, as no runtime has them in float16.

    Numbers beyond what float16 holds, such as masks of -3.4e38, become its largest. Raises ConversionError if
    torch.export refuses the program in float16.
    """
    module = copy.deepcopy(
        recurrent_to_scan(drop_assertions(program)).module(check_guards=False)
    )  # it shares the program's tensors
    examples = tuple(pytree.tree_leaves(program.example_inputs))
    retype(module, tensor=_narrow, argument=_narrowed)
    try:
        with torch.no_grad():
            return torch.export.export(HalfModule(module), examples, dynamic_shapes=dynamic_shapes, strict=False)
    except Exception as error:
        raise ConversionError(
            f"the model cannot compute in float16: {type(error).__name__}: {error}", fix="convert it in fp32"
        ) from error


def _narrow(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.dtype is not torch.float32:
        return tensor
    infinite = torch.isinf(tensor)
    return torch.where(infinite, tensor, tensor.clamp(-_LARGEST, _LARGEST)).half()


def _narrowed(value: Any) -> Any:
    if value is torch.float32:
        return torch.float16
    if isinstance(value, float) and abs(value) > _LARGEST and abs(value) != float("inf"):
        return _LARGEST if value > 0 else -_LARGEST
    return value
