"""Factories are called in several workers: they must build the same model there, and are refused if they do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import edgeproof

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TORCH = """
import os
import torch

def untrained():
    return torch.nn.Linear(4, 3), (torch.ones(1, 4),)

def another_every_time():
    torch.manual_seed(int.from_bytes(os.urandom(4), "big"))
    return untrained()
"""
KERAS = """
import keras

def untrained():
    x = keras.Input((8, 4), name="x")
    return keras.Model(x, keras.layers.Dense(3)(keras.layers.GRU(6)(x)))
"""
EVERYWHERE = dict.fromkeys(("torchscript", "executorch", "litert", "onnx"), "PASS")


def test_an_untrained_torch_model_passes_everywhere(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(TORCH)
    done = edgeproof("convert", "model.py:untrained", "--json", "-q", folder=tmp_path)
    assert done.code == 0, done.stdout + done.stderr
    assert done.statuses == EVERYWHERE


def test_an_untrained_keras_model_passes_everywhere(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(KERAS)
    done = edgeproof("convert", "model.py:untrained", "--json", "-q", folder=tmp_path)
    assert done.code == 0, done.stdout + done.stderr
    assert done.statuses == EVERYWHERE


def test_a_factory_that_builds_another_model_every_time_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(TORCH)
    formats = ("--to", "torchscript,onnx", "--jobs", "2")
    done = edgeproof("convert", "model.py:another_every_time", *formats, "--json", "-q", folder=tmp_path)
    assert done.code == 2
    reasons = [row["reason"] for row in done.document["report"]["results"] if row["status"] == "CONVERT_FAIL"]
    assert reasons
    assert all("other weights than the first time" in reason for reason in reasons)
