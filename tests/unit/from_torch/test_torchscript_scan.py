"""Scans become scripted loops, and the rest of the program a trace."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from recurrent_models import FEATURES, exported_whole, flat, layer
from torch import nn
from torch_lowering import Flat, exported, largest_difference

from edgeproof.converters.from_torch.passes.recurrent_to_scan import recurrent_to_scan
from edgeproof.converters.from_torch.torchscript_scan import is_whole, script_program

pytestmark = pytest.mark.torch
CLOSE = 2e-6


def stored(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    buffer = io.BytesIO()
    torch.jit.save(module, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)


@pytest.mark.parametrize("kind", ["lstm", "gru", "projected"])
def test_a_scan_becomes_a_loop(kind: str):
    module, x = flat(layer(kind, num_layers=2, bidirectional=True)), torch.randn(9, 2, FEATURES)
    scripted = stored(script_program(recurrent_to_scan(exported_whole(module, (x,)))))
    with torch.no_grad():
        assert largest_difference(module(x), scripted(x)) < CLOSE
    assert scripted.state_dict().keys() == module.state_dict().keys()
    loops = [part for name, part in scripted.named_modules() if name.startswith("loop_") and "." not in name]
    assert len(loops) == 4
    assert all("prim::Loop" in str(loop.graph) for loop in loops)


def test_sizes_stay_open():
    module = flat(layer("gru", batch_first=True))
    sizes = {0: torch.export.Dim("batch", min=1, max=8), 1: torch.export.Dim("time", min=2, max=50)}
    program = exported_whole(module, (torch.randn(2, 5, FEATURES),), ((sizes,),))
    for each in (program, recurrent_to_scan(program)):
        scripted = stored(script_program(each))
        for shape in ((1, 2, FEATURES), (7, 31, FEATURES)):
            x = torch.randn(shape)
            with torch.no_grad():
                assert largest_difference(module(x), scripted(x)) < CLOSE


def test_a_scan_of_the_users_own_with_several_outputs_is_kept():
    def call(weights: nn.Linear, x: torch.Tensor) -> list[torch.Tensor]:
        def step(carried: Any, slices: Any) -> Any:
            total, product = carried
            one, other = slices
            new = total + weights(one)
            return (new, product * other), (new * 2, other.sum().reshape(1))

        carried, outputs = torch._higher_order_ops.scan(step, (x[0] * 0, x[0] * 0 + 1), (x, x.sigmoid()))
        return [*carried, *outputs]

    module, x = Flat(call, nn.Linear(3, 3)), torch.randn(6, 2, 3)
    program = exported(module, (x,))
    assert is_whole(program)
    with torch.no_grad():
        assert largest_difference(program.module()(x), stored(script_program(program))(x)) < CLOSE


def test_a_program_without_loops_is_traced():
    program = exported(Flat(lambda own, x: own(x), nn.Linear(4, 2)), (torch.randn(3, 4),))
    assert not is_whole(program)
    x = torch.randn(3, 4)
    assert largest_difference(program.module()(x), stored(script_program(program))(x)) == 0
