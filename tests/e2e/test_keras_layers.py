"""Layers of published Keras models that once failed in some format: each in a small model, in every format."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import edgeproof

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MODEL = """
import keras
import numpy as np
from keras import layers

def model(*parts):
    return keras.Sequential([keras.Input((12, 12, 8)), *parts, layers.GlobalAveragePooling2D(), layers.Dense(3)])

def normalised():
    adapted = layers.Normalization()
    adapted.adapt(np.random.default_rng(0).normal(2, 3, (64, 12, 12, 6)).astype("float32"))
    return model(layers.Normalization(mean=[0.5] * 8, variance=[2.0] * 8), layers.Conv2D(6, 1), adapted)

def grouped():
    return model(
        layers.Conv2D(12, 3, groups=4, padding="same", strides=2, activation="relu"),
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        layers.SeparableConv2D(8, 3),
        layers.Conv2D(6, 1, groups=2, use_bias=False),
    )

def exact_gelu():
    return model(layers.DepthwiseConv2D(3, activation="gelu"), layers.Dense(8, activation="gelu"))
"""
FORMATS = ("torchscript", "executorch", "litert", "onnx")


@pytest.mark.parametrize("name", ["normalised", "grouped", "exact_gelu"])
def test_it_passes_in_every_format(name: str, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    done = edgeproof("convert", f"model.py:{name}", "--to", ",".join(FORMATS), "--json", "-q", folder=tmp_path)
    assert done.code == 0, done.stdout + done.stderr
    assert done.statuses == dict.fromkeys(FORMATS, "PASS")
