"""Recognising a module again by its weights, across workers that each build it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgeproof.converters.errors import SourceError
from edgeproof.converters.fingerprint import fingerprint
from edgeproof.converters.from_torch import describe, program
from edgeproof.converters.from_torch.weights import weights_of
from edgeproof.converters.job import ConvertJob, DescribeJob
from edgeproof.converters.resolve import resolve

CODE = """
import torch

def untrained():
    return torch.nn.Linear(4, 3), (torch.ones(1, 4),)
"""


class Everything(torch.nn.Module):
    """One tensor of each kind that a state_dict may hold."""

    def __init__(self) -> None:
        super().__init__()
        self.brain = torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16))
        self.register_buffer("flags", torch.tensor([True, False]))
        self.register_buffer("phase", torch.tensor([1 + 2j]))
        self.register_buffer("step", torch.tensor(7))
        self.register_buffer("nothing", torch.zeros(0, 3))


def test_every_dtype_gives_its_bytes() -> None:
    sizes = [array.size for array in weights_of(Everything())]
    assert sizes == [4, 2, 8, 8, 0]


def test_one_changed_bit_is_another_fingerprint() -> None:
    module = Everything()
    before = fingerprint(weights_of(module))
    assert fingerprint(weights_of(Everything())) == before
    with torch.no_grad():
        module.brain[1] += 0.01
    assert fingerprint(weights_of(module)) != before


@pytest.fixture
def conversion(tmp_path: Path) -> ConvertJob:
    file = tmp_path / "model.py"
    file.write_text(CODE)
    program._loaded.cache_clear()
    found = describe.describe(DescribeJob(source=resolve(f"{file}:untrained"), folder=str(tmp_path)))
    return ConvertJob(
        source=found.source,
        signature=found.signature,
        examples=found.examples,
        format="onnx",
        output=str(tmp_path / "model.onnx"),
        fingerprint=found.fingerprint,
    )


def test_an_untrained_model_is_the_same_when_another_worker_builds_it(conversion: ConvertJob) -> None:
    first = program.program_of(conversion).module.state_dict()
    program._loaded.cache_clear()
    program._program.cache_clear()
    torch.manual_seed(99)
    second = program.program_of(conversion).module.state_dict()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_factory_that_builds_another_model_is_refused(conversion: ConvertJob) -> None:
    with pytest.raises(SourceError, match="other weights"):
        program.program_of(replace(conversion, fingerprint="0" * 64))
