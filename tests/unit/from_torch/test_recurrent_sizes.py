"""An artifact's size and its number of operators do not depend on the sequence length: 16 steps or 512."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from recurrent_models import FEATURES, WIDTH, flat, layer, program_of
from torch import nn
from torch_lowering import Flat

from edgeproof.converters.from_torch import executorch, litert, torchscript
from edgeproof.converters.from_torch import onnx as to_onnx
from edgeproof.converters.from_torch.program import TorchProgram
from edgeproof.converters.inspection.inspect import inspect_artifact

pytestmark = [pytest.mark.torch, pytest.mark.slow]
SHORT, LONG = 16, 512
# Sizes are written in as many digits or bytes as they need, and files are padded.
ROOM_FOR_NUMBERS = 512
# LiteRT runs a long sequence in pieces: one loop more, whatever the length.
ROOM_FOR_ANOTHER_LOOP = 4096


def by_torchscript(program: TorchProgram) -> bytes:
    return torchscript.lower(program).payload


def by_executorch(program: TorchProgram) -> bytes:
    return executorch.lower(program.exported, program.signature).payload


def by_litert(program: TorchProgram) -> bytes:
    return litert.lower(program.exported, program.signature).payload


def by_onnx(program: TorchProgram) -> bytes:
    return to_onnx.lower(program).payload


# How to lower, the file's ending, how many bytes more are fair.
FORMATS: dict[str, tuple[Callable[[TorchProgram], bytes], str, int]] = {
    "torchscript": (by_torchscript, "pt", ROOM_FOR_NUMBERS),
    "executorch": (by_executorch, "pte", ROOM_FOR_NUMBERS),
    "litert": (by_litert, "tflite", ROOM_FOR_NUMBERS),
    "onnx": (by_onnx, "onnx", ROOM_FOR_NUMBERS),
}


def cells_in_a_loop(cell: nn.GRUCell, x: torch.Tensor) -> torch.Tensor:
    hidden, outputs = torch.zeros(x.shape[0], WIDTH), []
    for time in range(x.shape[1]):
        hidden = cell(x[:, time], hidden)
        outputs.append(hidden)
    return torch.stack(outputs, 1)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "lstm layers": lambda: flat(layer("lstm", num_layers=2, bidirectional=True, batch_first=True)),
    "cells in a loop": lambda: Flat(cells_in_a_loop, nn.GRUCell(FEATURES, WIDTH)),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", FORMATS)
def test_an_artifact_does_not_grow_with_the_sequence(name: str, model: str, tmp_path: Path):
    lower, ending, room = FORMATS[name]
    short, long = (_made(lower, MODELS[model](), steps, tmp_path / f"{steps}.{ending}") for steps in (SHORT, LONG))
    assert abs(long[0] - short[0]) <= room + short[2] * ROOM_FOR_ANOTHER_LOOP
    # What the loop of pieces adds: taking pieces out and putting them back.
    assert short[1] <= long[1] <= short[1] + 16 * short[2]


def _made(lower: Callable[[TorchProgram], bytes], module: nn.Module, steps: int, file: Path) -> tuple[int, int, int]:
    """Bytes, operators, and how many of these are loops."""
    file.write_bytes(lower(program_of(module, (torch.randn(1, steps, FEATURES),))))
    operators = inspect_artifact(file).contents.operators
    return file.stat().st_size, sum(operators.values()), operators.get("WHILE", 0)
