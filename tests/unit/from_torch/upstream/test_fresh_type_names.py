"""The same model gives the same archive however often, and what was scripted outside stays usable inside."""

from __future__ import annotations

import io

import pytest
import torch
from torch import nn

from edgeproof.converters.from_torch.torchscript_archive import archive_of
from edgeproof.converters.from_torch.upstream.fresh_type_names import fresh_type_names

pytestmark = pytest.mark.torch


@torch.jit.script
def doubled_if_positive(x: torch.Tensor) -> torch.Tensor:
    return x * 2 if bool(x.sum() > 0) else x


@torch.jit.script
class Scale:
    def __init__(self, by: float) -> None:
        self.by = by

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.by


class Mixed(nn.Module):
    """Uses a scripted function, a scripted class, a scripted module and torch's own overloaded functions."""

    def __init__(self) -> None:
        super().__init__()
        self.scripted = torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
        self.plain = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = nn.functional.max_pool1d(self.plain(self.scripted(x)).unsqueeze(0), 2)
        return Scale(3.0).apply(doubled_if_positive(nn.functional.interpolate(pooled, scale_factor=[2.0])))


def archive(model: nn.Module) -> bytes:
    with fresh_type_names():
        return archive_of(torch.jit.script(model))


def test_what_was_made_before_does_not_show():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 2), nn.ReLU()))
    first = archive(model)
    archive(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)))
    assert archive(model) == first


def test_what_was_scripted_outside_is_used_inside_and_afterwards():
    model, x = Mixed(), torch.randn(3, 4)
    expected = torch.jit.script(model)(x)
    for _ in range(2):
        assert torch.equal(torch.jit.load(io.BytesIO(archive(model)))(x), expected)
    assert torch.equal(torch.jit.script(model)(x), expected)


def test_torch_has_its_own_names_back_after_an_error():
    before = torch.jit._state._python_cu
    with pytest.raises(KeyError), fresh_type_names():
        assert torch.jit._state._python_cu is not before
        raise KeyError
    assert torch.jit._state._python_cu is before
