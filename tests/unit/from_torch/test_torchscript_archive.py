"""An archive holds the model alone: no paths, no example inputs, and the same bytes whatever was made before."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn
from torch_lowering import Flat, exported

from edgeproof.converters.from_torch.torchscript_archive import archive_of
from edgeproof.converters.from_torch.torchscript_scan import script_program

pytestmark = pytest.mark.torch


def traced(example: torch.Tensor) -> torch.jit.ScriptModule:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 2)).eval()
    return script_program(exported(Flat(lambda body, x: body(x), layers), (example,)))


def test_the_archive_computes_what_the_module_computes():
    example = torch.randn(2, 1, 8, 8)
    module = traced(example)
    again = torch.jit.load(io.BytesIO(archive_of(module)))
    assert torch.equal(again(example)[0], module(example)[0])
    assert again.state_dict().keys() == module.state_dict().keys()


def test_nothing_of_the_machine_or_of_the_example_is_in_it():
    example = torch.full((2, 1, 8, 8), 12345.678)
    payload = archive_of(traced(example))
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        names = archive.namelist()
        contents = b"".join(archive.read(name) for name in names)
    assert not any("debug_pkl" in name or "traced_inputs" in name for name in names)
    assert example.numpy().tobytes()[:16] not in contents
    for place in (sys.prefix, str(Path(__file__).parent)):
        assert place.encode() not in contents
