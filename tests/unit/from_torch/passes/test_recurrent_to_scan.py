"""Recurrent layers become scans that compute the same, whatever their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from recurrent_models import FEATURES, KINDS, exported_whole, flat, layer, states_of
from torch import nn
from torch_lowering import Flat, largest_difference

from edgeproof.converters.errors import ConversionError
from edgeproof.converters.from_torch.passes.recurrent_to_scan import recurrent_nodes, recurrent_to_scan
from edgeproof.converters.from_torch.recurrent_shapes import whole_recurrent_layers

pytestmark = pytest.mark.torch
CLOSE = 2e-6
SCAN = torch.ops.higher_order.scan


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (1, True), (2, False), (2, True)])
@pytest.mark.parametrize(
    ("options", "given"), [({"batch_first": True}, False), ({"bias": False}, True)], ids=["batch first", "states given"]
)
def test_a_scan_computes_what_the_layer_does(
    kind: str, layers: int, bidirectional: bool, options: dict[str, Any], given: bool
):
    recurrent = layer(kind, num_layers=layers, bidirectional=bidirectional, **options)
    x = torch.randn((2, 5, FEATURES) if recurrent.batch_first else (5, 2, FEATURES))
    inputs = (x, *(states_of(recurrent, 2) if given else ()))
    program = exported_whole(flat(recurrent), inputs)
    scanned = recurrent_to_scan(program)
    with torch.no_grad():
        assert largest_difference(flat(recurrent)(*inputs), scanned.module()(*inputs)) < CLOSE
    assert not list(recurrent_nodes(scanned.graph))
    assert len(scanned.graph.find_nodes(op="call_function", target=SCAN)) == layers * (2 if bidirectional else 1)


def test_names_and_tensors_of_the_program_stay():
    module = Flat(lambda own, x: own(x)[0].relu(), nn.GRU(4, 6))
    program = exported_whole(module, (torch.randn(5, 2, 4),))
    before = str(program.graph)
    scanned = recurrent_to_scan(program)
    assert str(program.graph) == before
    assert scanned.state_dict.keys() == program.state_dict.keys()
    assert scanned.graph_signature.user_inputs == program.graph_signature.user_inputs
    assert scanned.graph_signature.user_outputs == program.graph_signature.user_outputs
    (layer_node,) = recurrent_nodes(program.graph)
    (scan,) = scanned.graph.find_nodes(op="call_function", target=SCAN)
    assert scan.meta["stack_trace"] == layer_node.meta["stack_trace"] != ""


def test_a_program_without_recurrent_layers_is_given_back_itself():
    program = exported_whole(Flat(lambda own, x: own(x), nn.Linear(4, 2)), (torch.randn(3, 4),))
    assert recurrent_to_scan(program) is program


def test_a_single_step_needs_no_loop():
    recurrent = layer("lstm")
    inputs = (torch.randn(1, 2, FEATURES), *states_of(recurrent, 2))
    scanned = recurrent_to_scan(exported_whole(flat(recurrent), inputs))
    assert not scanned.graph.find_nodes(op="call_function", target=SCAN)
    with torch.no_grad():
        assert largest_difference(flat(recurrent)(*inputs), scanned.module()(*inputs)) < CLOSE


def one_tensor_twice(own: nn.LSTM, x: torch.Tensor) -> torch.Tensor:
    state = x.new_zeros(1, x.shape[1], 6)
    return own(x, (state, state))[0]


def two_halves_of_one(own: nn.LSTM, x: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    return own(x, (state[:1], state[1:]))[0]


@pytest.mark.parametrize(
    ("call", "inputs"),
    [
        (one_tensor_twice, (torch.randn(5, 2, 4),)),
        (two_halves_of_one, (torch.randn(5, 2, 4), torch.randn(2, 2, 6))),
    ],
)
def test_states_in_one_memory_are_told_apart(call: Callable[..., torch.Tensor], inputs: tuple[torch.Tensor, ...]):
    module = Flat(call, nn.LSTM(4, 6))
    scanned = recurrent_to_scan(exported_whole(module, inputs))
    decomposed = scanned.run_decompositions()  # it is here that torch looks at the memory of a scan's inputs
    with torch.no_grad():
        assert largest_difference(module(*inputs), decomposed.module()(*inputs)) < CLOSE


def test_batch_and_time_may_stay_open():
    module = flat(layer("gru", batch_first=True, bidirectional=True))
    sizes = {0: torch.export.Dim("batch", min=1, max=8), 1: torch.export.Dim("time", min=2, max=50)}
    scanned = recurrent_to_scan(exported_whole(module, (torch.randn(2, 5, FEATURES),), ((sizes,),)))
    for shape in ((1, 2, FEATURES), (7, 31, FEATURES)):
        x = torch.randn(shape)
        with torch.no_grad():
            assert largest_difference(module(x), scanned.module()(x)) < CLOSE


def test_dropout_between_layers_is_refused():
    module = flat(layer("lstm", num_layers=2, dropout=0.5))
    with torch.no_grad(), whole_recurrent_layers():
        program = torch.export.export(module.train(), (torch.randn(5, 2, FEATURES),), strict=False)
    with pytest.raises(ConversionError, match="drops out between its 2 layers"):
        recurrent_to_scan(program)
