"""A pass that gives a node other arguments is not answered with the value of the old ones."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch_lowering import Flat, exported, largest_difference, run_executorch, signature_of

from edgeproof.converters.from_torch import executorch

pytestmark = [pytest.mark.torch, pytest.mark.slow]
CLOSE = 2e-6


def many_parts(convolution: nn.Module, after: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """XNNPACK joins five tensors at a time, and a pass of ExecuTorch splits what joins more."""
    parts = [x]
    for _ in range(6):
        parts.append(convolution(parts[-1]))
    return after(torch.cat(parts, 1).relu())


@pytest.mark.parametrize("after", [nn.Conv2d(28, 3, 1), nn.Identity()], ids=["convolution", "nothing"])
def test_a_concatenation_of_many_tensors_goes_to_xnnpack(after: nn.Module, monkeypatch: pytest.MonkeyPatch):
    inputs = (torch.randn(1, 4, 6, 6),)
    model = Flat(many_parts, nn.Conv2d(4, 4, 3, padding=1), after)
    program = exported(model, inputs)
    expected = model(*inputs)
    lowering = executorch.lower(program, signature_of(inputs, expected))
    assert lowering.notes == ()
    assert largest_difference(expected, run_executorch(lowering.payload, inputs)) < CLOSE
    monkeypatch.setattr(executorch, "shortcuts", nullcontext)
    assert executorch.lower(program, signature_of(inputs, expected)).payload == lowering.payload
