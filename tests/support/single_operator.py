"""An operator without a kernel for float64, and a program that calls it."""

from __future__ import annotations

import torch
from recurrent_models import program_of
from torch import nn

from edgeproof.converters.from_torch.program import TorchProgram


@torch.library.custom_op("edgeproof_tests::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    if x.dtype is torch.float64:
        raise NotImplementedError("twice is not implemented for 'Double'")
    return x * 2


@twice.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


class Single(nn.Module):
    """Runs in float32 alone."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        doubled: torch.Tensor = twice(self.dense(x))
        return (doubled,)


def single_program() -> tuple[TorchProgram, torch.Tensor]:
    """The program, whose signature calls its tensors in_0 and out_0, and its example."""
    torch.manual_seed(0)
    x = torch.randn(2, 4)
    return program_of(Single(), (x,)), x
