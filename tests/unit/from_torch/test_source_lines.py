"""The line of the model's code, or the module where no line of the user's is on the way."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch_lowering import exported

from edgeproof.converters.from_torch.flatten import FlatModule
from edgeproof.converters.from_torch.source_lines import line_of

pytestmark = pytest.mark.torch


class Squared(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.softplus(x) ** 2


def lines(model: nn.Module) -> dict[str, str]:
    x = torch.randn(2, 3)
    program = exported(FlatModule(model, ((x,), {})), (x,))
    return {str(node.target): line_of(node) for node in program.graph.nodes}


def test_a_line_of_the_user_is_named_and_neither_torchs_nor_ours():
    assert lines(Squared())["aten.softplus.default"].startswith(" (test_source_lines.py:")


def test_without_a_line_of_the_user_the_module_is_named():
    found = lines(nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(3, 3))))
    assert found["aten.linear.default"] == " (Linear at 1.0)"


def test_an_input_comes_from_no_line():
    assert set(lines(nn.Sequential(nn.ReLU())).values()) == {"", " (ReLU at 0)"}
