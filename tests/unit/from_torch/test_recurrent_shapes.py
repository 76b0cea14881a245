"""Recurrent layers are exported whole: as one operator, with open sizes, in a time that knows no length."""

from __future__ import annotations

import pytest
import torch
from recurrent_models import FEATURES, KINDS, exported_whole, flat, layer
from torch import nn
from torch_lowering import Flat, largest_difference

from edgeproof.converters.from_torch.passes.recurrent_to_scan import recurrent_nodes
from edgeproof.converters.from_torch.recurrent_shapes import quick_recurrent_cells, whole_recurrent_layers

pytestmark = pytest.mark.torch
OPEN = (({0: torch.export.Dim("time", min=2, max=5000), 1: torch.export.Dim("batch", min=1, max=8)},),)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_are_what_the_layer_gives(kind: str):
    module = flat(layer(kind, num_layers=2, bidirectional=True)).eval()
    x = torch.randn(7, 3, FEATURES)
    program = exported_whole(module, (x,))
    (output,) = program.graph.find_nodes(op="output")
    with torch.no_grad():
        expected = [tuple(value.shape) for value in module(x)]
    assert [tuple(node.meta["val"].shape) for node in output.args[0]] == expected


@pytest.mark.parametrize("kind", ["lstm", "gru", "tanh"])
def test_sizes_stay_open_also_in_a_retrace(kind: str):
    module = flat(layer(kind)).eval()
    with whole_recurrent_layers(), torch.no_grad():
        program = torch.export.export(module, (torch.randn(7, 3, FEATURES),), dynamic_shapes=OPEN, strict=False)
        retraced = program.run_decompositions({})
    x = torch.randn(11, 2, FEATURES)
    with torch.no_grad():
        for each in (program, retraced):
            assert len(list(recurrent_nodes(each.graph))) == 1
            assert largest_difference(module(x), each.module()(x)) == 0


@pytest.mark.filterwarnings("ignore:The tensor attributes")
def test_without_it_torch_fixes_the_length():
    with torch.no_grad(), pytest.raises(Exception, match="specialized it to be a constant"):
        torch.export.export(flat(layer("gru")), (torch.randn(7, 3, FEATURES),), dynamic_shapes=OPEN, strict=False)


def test_layers_compute_as_ever_afterwards():
    module = flat(layer("lstm")).eval()
    x = torch.randn(7, 3, FEATURES)
    with torch.no_grad():
        before = module(x)
        exported_whole(module, (x,))
        assert largest_difference(before, module(x)) == 0
    table = torch._decomp.global_decomposition_table["post_autograd"]
    assert "recurrent_shapes" not in table[torch.ops.aten.lstm.input].__module__


def test_cells_are_exported_as_they_are():
    def call(one: nn.LSTMCell, two: nn.GRUCell, x: torch.Tensor) -> list[torch.Tensor]:
        hidden, cell = one(x)
        return [hidden, cell, two(hidden)]

    module, x = Flat(call, nn.LSTMCell(4, 6), nn.GRUCell(6, 5)), torch.randn(3, 4)
    with torch.no_grad(), quick_recurrent_cells():
        program = torch.export.export(module, (x,), strict=False)
    assert largest_difference(module(x), program.module()(x)) == 0
    assert largest_difference(module(x), program.run_decompositions().module()(x)) < 1e-6
