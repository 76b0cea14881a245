"""A program that computes in float64: what the model would give without the rounding of float32."""

from __future__ import annotations

import copy
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from .passes.drop_assertions import drop_assertions
from .retype import cast, retype

# Kernels compute a sigmoid as 1/2 plus an odd function, so that what is rounded is never smaller than 1/2.
_LEAST_SIZE: dict[Any, float] = {torch.ops.aten.sigmoid.default: 0.5}
_WIDER = {torch.float32: torch.float64, torch.complex64: torch.complex128}
# The distance from 1 to the next float32, which is the most that one rounding to it moves a number.
ULP = float(torch.finfo(torch.float32).eps)


def double_module(program: ExportedProgram) -> fx.GraphModule:
    """The program's module with its parameters, buffers, constants and every cast to float32 in float64.

    What computes in float16 on purpose goes on doing so. Run it within `doubles()`.
    """
    module = copy.deepcopy(drop_assertions(program).module(check_guards=False))  # it shares the program's tensors
    retype(module, tensor=_wide_tensor, argument=_wide_argument)
    return module


@contextmanager
def doubles() -> Generator[None]:
    """Tensors that the program makes without naming a dtype are in float64 as well."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def as_doubles(tensors: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Inputs of the module."""
    return tuple(cast(tensor, torch.float32, torch.float64) for tensor in tensors)


class Jittered(fx.Interpreter):
    """Runs a module and moves what every operator gives by up to `ulps` float32 ulps, at random.

    What becomes of such a run says how much rounding at each operator matters to the outputs, and which decisions hang
    on it (Monte Carlo arithmetic: Parker, "Monte Carlo arithmetic", 1997).
    """

    def __init__(self, module: fx.GraphModule, *, seed: int, ulps: float = 1.0) -> None:
        super().__init__(module)
        self._generator = torch.Generator().manual_seed(seed)
        self._ulps = ulps

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """What the operator gives, moved; views and tensors changed in place stay what they share."""
        taken = {_memory(value) for value in pytree.tree_leaves((args, kwargs)) if isinstance(value, torch.Tensor)}
        given = super().call_function(target, args, kwargs)
        least = _LEAST_SIZE.get(target, 0.0)
        return pytree.tree_map(lambda value: self._moved(value, taken, least), given)

    def _moved(self, value: Any, taken: set[int], least: float) -> Any:
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or _memory(value) in taken:
            return value
        noise = torch.empty(value.shape, dtype=value.dtype).uniform_(-1, 1, generator=self._generator)
        if not least:
            return value * (1 + self._ulps * ULP * noise)
        return value + self._ulps * ULP * noise * value.abs().clamp(min=least)


def _memory(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _wide_tensor(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(_WIDER.get(tensor.dtype, tensor.dtype))


def _wide_argument(value: Any) -> Any:
    return _WIDER.get(value, value) if isinstance(value, torch.dtype) else value
