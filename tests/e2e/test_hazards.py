"""Hazards reach whoever converts: as notes of the report, beside a verdict that they do not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commands import edgeproof

pytestmark = pytest.mark.e2e
TORCH = """
import torch
from torch import nn
from torch.nn import functional

class Net(nn.Module):
    def __init__(self, factor):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.norm, self.factor = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), factor

    def forward(self, x):
        return functional.interpolate(self.norm(self.body(x)), scale_factor=self.factor, mode="bilinear")

def build(factor="2.0"):
    return Net(float(factor)), torch.rand(1, 3, 9, 9)
"""
KERAS = """
import keras

def build():
    image = keras.Input((None, None, 3), name="image")
    made = keras.layers.Conv2D(2, 3, kernel_initializer="ones")(image)
    return keras.Model(image, keras.layers.UpSampling2D(2, interpolation="bicubic", name="up")(made))
"""


def converted(folder: Path, model: str, *options: str) -> tuple[int, dict[str, Any]]:
    (folder / "model.py").write_text(model)
    done = edgeproof("convert", "model.py:build", *options, "--json", "-q", folder=folder)
    return done.code, done.document["report"]


def hazards(row: dict[str, Any]) -> list[str]:
    return [note for note in row["notes"] if note.startswith("hazard ")]


def test_a_torch_model_that_a_format_resizes_otherwise_is_told_so(tmp_path: Path):
    code, report = converted(tmp_path, TORCH, "--to", "executorch,onnx", "--model-arg", "factor=1.7")
    by_format = {row["format"]: row for row in report["results"]}
    (note,) = hazards(by_format["executorch"])
    assert note.startswith("hazard resize-mode: the artifact resizes by the sizes (15/9, 15/9)")
    assert "model.py:13, in forward" in note
    assert hazards(by_format["onnx"]) == []
    assert (code, by_format["onnx"]["status"]) == (1, "PASS")


def test_a_torch_model_that_every_format_keeps_is_told_nothing(tmp_path: Path):
    code, report = converted(tmp_path, TORCH, "--to", "executorch,onnx")
    assert code == 0
    assert [hazards(row) for row in report["results"]] == [[], []]


@pytest.mark.slow
def test_a_keras_model_is_told_of_its_sizes_and_of_its_backend(tmp_path: Path):
    code, report = converted(tmp_path, KERAS, "--to", "torchscript,onnx", "--input", "image:float32[1,8,8,3]")
    (closed,) = hazards(report)
    assert closed.startswith("hazard fixed-dimension: the source leaves axes of 'image' open (1, 2)")
    by_format = {row["format"]: row for row in report["results"]}
    (note,) = hazards(by_format["torchscript"])
    assert note.startswith("hazard resize-mode: Keras resizes bicubically")
    assert hazards(by_format["onnx"]) == []
    assert (code, by_format["onnx"]["status"]) == (1, "PASS")
