"""Scans in ExecuTorch take the sizes that a program is called with."""

from __future__ import annotations

import pytest
import torch
from recurrent_models import FEATURES, flat, layer, program_of
from torch_lowering import largest_difference, run_executorch, upstream_executorch

from edgeproof.converters.from_torch.executorch import lower
from edgeproof.converters.from_torch.passes.recurrent_to_scan import recurrent_to_scan
from edgeproof.converters.signature import Dim

pytestmark = pytest.mark.torch
CLOSE = 2e-6
DIMS = (Dim(name="batch", min=1, max=4), Dim(name="time", min=2, max=40))


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_batch_and_time_may_stay_open(kind: str):
    module = flat(layer(kind, batch_first=True, bidirectional=True))
    program = program_of(module, (torch.randn(2, 5, FEATURES),), DIMS)
    payload = lower(program.exported, program.signature).payload
    for shape in ((2, 5, FEATURES), (4, 40, FEATURES), (1, 17, FEATURES)):
        x = torch.randn(shape)
        with torch.no_grad():
            assert largest_difference(module(x), run_executorch(payload, (x,))) < CLOSE


def test_upstream_alone_fails_for_a_smaller_batch():
    program = program_of(flat(layer("gru", batch_first=True)), (torch.randn(2, 5, FEATURES),), DIMS)
    payload = upstream_executorch(recurrent_to_scan(program.exported))
    with pytest.raises(RuntimeError, match="0x12"):
        run_executorch(payload, (torch.randn(2, 5, FEATURES),))
