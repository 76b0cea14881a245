"""What is nearly zero or one stays in the ONNX graph."""

from __future__ import annotations

import io

import numpy as np
import onnxruntime
import pytest
import torch

from edgeproof.converters.from_torch.upstream.exact_neutral_constants import exact_neutral_constants

pytestmark = pytest.mark.torch


class Normalised(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-8)


class Scaled(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 1.000005


def converted(module: torch.nn.Module, x: torch.Tensor) -> np.ndarray:
    program = torch.onnx.export(torch.export.export(module, (x,)), dynamo=True, verbose=False)
    assert program is not None
    stream = io.BytesIO()
    program.save(stream)
    session = onnxruntime.InferenceSession(stream.getvalue(), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    return np.asarray(output)


def test_an_epsilon_stays():
    x = torch.zeros(2, 16)
    with exact_neutral_constants():
        assert np.isfinite(converted(Normalised(), x)).all()


def test_a_factor_near_one_stays():
    x = torch.full((4,), 1000.0)
    with exact_neutral_constants():
        assert np.allclose(converted(Scaled(), x), Scaled()(x), rtol=1e-7, atol=0)


def test_it_is_still_needed():
    """Once this fails, upstream compares exactly, and exact_neutral_constants can go."""
    assert np.isnan(converted(Normalised(), torch.zeros(2, 16))).any()
