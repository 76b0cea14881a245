"""An artifact's constants go into a program that was lowered again, wherever they lie there; the rest is counted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import fx, nn
from torch_lowering import Flat, exported

from edgeproof.converters.from_torch.executorch_tapped import _nearest, _Recorder, differences, transplanted

pytestmark = pytest.mark.torch


def drawn(count: int, seed: int) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, count, np.uint8).tobytes()


def changed(data: bytes, *places: int) -> bytes:
    """The same with another byte at each place."""
    return bytes(byte ^ 0xFF if place in places else byte for place, byte in enumerate(data))


WEIGHTS, BIAS = drawn(2000, 0), drawn(600, 1)
EXPECTED = drawn(300, 2) + WEIGHTS + drawn(500, 3) + BIAS + drawn(100, 4)
AT = 300  # where the weights begin
TAPPED = drawn(777, 5) + BIAS + drawn(900, 6) + WEIGHTS + drawn(444, 7)  # another order, and other bytes around


def test_equal_texts_do_not_differ() -> None:
    assert list(differences(EXPECTED, EXPECTED)) == []
    assert transplanted(TAPPED, EXPECTED, EXPECTED) == (TAPPED, 0)


def test_every_byte_that_differs_lies_in_a_range_and_close_ones_in_one() -> None:
    ranges = list(differences(EXPECTED, changed(EXPECTED, 5, 400, 430, 470, 2000, len(EXPECTED) - 1)))
    assert len(ranges) == 4
    for place in (5, 400, 430, 470, 2000, len(EXPECTED) - 1):
        assert sum(start <= place < end for start, end in ranges) == 1
    assert ranges[-1][1] == len(EXPECTED)
    assert ranges == sorted(ranges)


def test_changed_weights_are_found_again_where_they_lie_elsewhere() -> None:
    artifact = changed(EXPECTED, AT + 700, AT + 703, AT + 1200)
    found, lost = transplanted(TAPPED, EXPECTED, artifact)
    assert lost == 0
    assert found == TAPPED.replace(WEIGHTS, changed(WEIGHTS, 700, 703, 1200))


@pytest.mark.parametrize("place", [0, 1, 1998, 1999])
def test_the_ends_of_a_constant_are_found_though_what_is_beside_it_is_another(place: int) -> None:
    found, lost = transplanted(TAPPED, EXPECTED, changed(EXPECTED, AT + place))
    assert (found, lost) == (TAPPED.replace(WEIGHTS, changed(WEIGHTS, place)), 0)


def test_one_of_two_alike_places_is_told_by_what_is_beside_it() -> None:
    alike = drawn(128, 8)
    one, other = drawn(400, 9) + alike + drawn(400, 10), drawn(400, 11) + alike + drawn(400, 12)
    expected, tapped = one + other, other + one
    found, lost = transplanted(tapped, expected, changed(expected, len(one) + 450))
    assert (found, lost) == (changed(tapped, 450), 0)


def test_what_is_not_in_the_other_program_is_counted_and_nothing_is_changed_for_it() -> None:
    artifact = changed(EXPECTED, 100, AT + 2000 + 250)  # neither in the weights nor in the bias
    assert transplanted(TAPPED, EXPECTED, artifact) == (TAPPED, 2)
    both = changed(EXPECTED, 100, AT + 9)
    assert transplanted(TAPPED, EXPECTED, both) == (TAPPED.replace(WEIGHTS, changed(WEIGHTS, 9)), 1)


def test_nothing_is_put_at_one_of_several_places_that_are_alike() -> None:
    zeros = bytes(600)
    expected, tapped = drawn(300, 13) + zeros + drawn(300, 14), drawn(300, 15) + zeros + drawn(9, 16) + zeros
    assert transplanted(tapped, expected, changed(expected, 500)) == (tapped, 1)


def test_an_artifact_of_another_length_is_another_program() -> None:
    assert transplanted(TAPPED, EXPECTED, EXPECTED + b"more") == (TAPPED, 4)


def recorded(module: nn.Module, *inputs: torch.Tensor) -> tuple[list[str], fx.GraphModule]:
    """The operators that a program is tapped at."""
    graph = exported(module, inputs).module(check_guards=False)
    assert isinstance(graph, fx.GraphModule)
    recorder = _Recorder(graph)
    with torch.no_grad():
        recorder.run(*inputs)
    return list(recorder.values), graph


def with_residual(convolution: nn.Module, norm: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y: torch.Tensor = convolution(x)
    normal: torch.Tensor = norm(y)
    return normal + y


def test_a_convolution_whose_normalisation_is_folded_is_not_tapped() -> None:
    convolution, norm = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)
    x = torch.randn(1, 1, 5, 5)
    names, graph = recorded(nn.Sequential(convolution, norm, nn.ReLU()), x)
    assert names == ["batch_norm", "relu"]
    (norm_node,) = (node for node in graph.graph.nodes if node.name == "batch_norm")
    assert _nearest(norm_node, names) == ()
    shared, _ = recorded(Flat(with_residual, convolution, norm), x)
    assert shared == ["conv2d", "batch_norm", "add"]


def test_taps_are_linked_through_what_is_not_tapped() -> None:
    names, graph = recorded(nn.Sequential(nn.ReLU(), nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), torch.randn(1, 1, 5, 5))
    assert names == ["relu", "batch_norm"]
    (last,) = (node for node in graph.graph.nodes if node.name == "batch_norm")
    assert _nearest(last, names) == ("relu",)
