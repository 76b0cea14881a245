"""Keras models that call TensorFlow itself answer the same as torch programs, by way of their ONNX graphs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx_graphs import as_tensors, assert_equal_outputs

from edgeproof.converters.from_onnx.module import OnnxModule, module_from_onnx

pytestmark = pytest.mark.slow

_PROGRAM = Path(__file__).parents[2] / "support" / "keras_as_onnx.py"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    environment = {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    command = [sys.executable, "-P", str(_PROGRAM), str(folder)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    return folder


def _opened(folder: Path, name: str) -> tuple[OnnxModule, torch.Tensor, list[np.ndarray]]:
    stored = np.load(folder / f"{name}.npz")
    answers = [stored[key] for key in stored if key != "input"]
    return module_from_onnx(onnx.load(folder / f"{name}.onnx")), as_tensors([stored["input"]])[0], answers


def _calls(program: torch.export.ExportedProgram) -> list[str]:
    return [str(node.target) for node in program.graph.nodes if node.op == "call_function"]


@pytest.mark.parametrize("name", ["raw", "sizes", "recurrent", "hard_lstm"])
def test_the_torch_program_of_a_keras_model_answers_as_keras_does(models: Path, name: str):
    module, inputs, answers = _opened(models, name)
    assert_equal_outputs(module(inputs), answers)
    assert_equal_outputs(torch.export.export(module, (inputs,)).module()(inputs), answers)


def test_recurrent_layers_of_keras_stay_whole(models: Path):
    module, inputs, _ = _opened(models, "recurrent")
    assert _calls(torch.export.export(module, (inputs,))).count("scan") == 3  # two directions of the GRU, one LSTM


def test_sizes_that_the_model_computes_with_stay_dynamic(models: Path):
    module, inputs, _ = _opened(models, "sizes")
    dynamic = ((dict.fromkeys(range(3), torch.export.Dim.DYNAMIC),),)
    program = torch.export.export(module, (inputs,), dynamic_shapes=dynamic).module()
    other = torch.randn(3, 13, 14, 3)
    for got, expected in zip(program(other), module(other), strict=True):
        torch.testing.assert_close(got, expected)
