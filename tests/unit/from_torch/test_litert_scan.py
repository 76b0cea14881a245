"""Scans become WHILE loops of builtin operators that LiteRT runs, as fast per step at any length."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from recurrent_models import FEATURES, flat, layer, program_of, states_of
from torch import nn
from torch_lowering import Flat, largest_difference, run_litert

from edgeproof.converters.from_torch import litert_scan
from edgeproof.converters.from_torch.litert import lower
from edgeproof.converters.signature import Dim

pytestmark = pytest.mark.torch
CLOSE = 2e-6
_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}


def operators(payload: bytes) -> list[list[str]]:
    """The operators of each subgraph."""
    model = schema.ModelT.InitFromPackedBuf(payload, 0)
    return [
        [_NAMES[model.operatorCodes[op.opcodeIndex].builtinCode] for op in part.operators] for part in model.subgraphs
    ]


def lowered(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> bytes:
    program = program_of(module, inputs)
    return lower(program.exported, program.signature).payload


@pytest.mark.parametrize("kind", ["lstm", "gru", "relu"])
@pytest.mark.parametrize("steps", [7, pytest.param(100, marks=pytest.mark.slow)])
def test_a_layer_becomes_a_loop_that_runs(kind: str, steps: int):
    recurrent = layer(kind, bidirectional=True, batch_first=True)
    inputs = (torch.randn(2, steps, FEATURES), *states_of(recurrent, 2))
    payload = lowered(flat(recurrent), inputs)
    found = operators(payload)
    assert found[0].count("WHILE") == 2
    assert "CUSTOM" not in {name for part in found for name in part}
    with torch.no_grad():
        expected = flat(recurrent)(*inputs)
    assert largest_difference(expected, run_litert(payload, inputs)) < CLOSE
    assert largest_difference(expected, run_litert(payload, inputs)) < CLOSE, "nothing is remembered between calls"


def test_registering_twice_changes_nothing():
    passes = litert_scan.litert_converter.converter_api_ext.run_convert_to_tfl_passes
    litert_scan.register()
    assert litert_scan.litert_converter.converter_api_ext.run_convert_to_tfl_passes is passes


@pytest.mark.parametrize("steps", [65, 67, 97, 128])
def test_a_length_that_pieces_do_not_divide_is_right_too(steps: int):
    def call(weights: nn.Linear, x: torch.Tensor) -> list[torch.Tensor]:
        def step(carried: Any, slices: Any) -> Any:
            new = torch.tanh(weights(carried) + slices)
            return new, new.sum(-1)

        last, outputs = torch._higher_order_ops.scan(step, x[0] * 0, x)
        return [last, outputs]

    module, x = Flat(call, nn.Linear(3, 3)), torch.randn(steps, 2, 3)
    with torch.no_grad():
        assert largest_difference(module(x), run_litert(lowered(module, (x,)), (x,))) < CLOSE


@pytest.mark.parametrize("low", [2, 100])
def test_loops_run_at_every_open_length(low: int):
    dims = (Dim(name="batch", min=1, max=8), Dim(name="time", min=low, max=300))
    module = flat(layer("gru", batch_first=True))
    program = program_of(module, (torch.randn(2, low, FEATURES),), dims)
    payload = lower(program.exported, program.signature).payload
    for batch, steps in ((1, 300), (8, low), (3, low + 1)):
        inputs = (torch.randn(batch, steps, FEATURES),)
        with torch.no_grad():
            assert largest_difference(module(*inputs), run_litert(payload, inputs)) < CLOSE
