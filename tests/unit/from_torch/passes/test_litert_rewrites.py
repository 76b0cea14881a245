"""Each rewrite that LiteRT needs: what happens upstream without it, and that it changes no result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.export import ExportedProgram
from torch_lowering import Flat, exported, largest_difference, run_litert, signature_of, upstream_litert

from edgeproof.converters.errors import ConversionError, UnsupportedOperators
from edgeproof.converters.from_torch.passes.clamp_infinities import clamp_infinities
from edgeproof.converters.from_torch.passes.crop_transposed_convolutions import crop_transposed_convolutions
from edgeproof.converters.from_torch.passes.drop_assertions import drop_assertions
from edgeproof.converters.from_torch.passes.exact_nearest_upsampling import exact_nearest_upsampling
from edgeproof.converters.from_torch.passes.sort_as_topk import sort_as_topk
from edgeproof.converters.from_torch.passes.spell_out_floor_division import spell_out_floor_division
from edgeproof.converters.from_torch.passes.spell_out_prelu import spell_out_prelu
from edgeproof.converters.from_torch.passes.xor_as_not_equal import xor_as_not_equal

pytestmark = pytest.mark.torch
CLOSE = 1e-6


def difference(program: ExportedProgram, inputs: tuple[torch.Tensor, ...], rewrite: Callable[..., Any]) -> float:
    """Between the program and the LiteRT file made of it through the rewrite."""
    expected = program.module()(*inputs)
    rewritten = rewrite(program)
    assert largest_difference(expected, rewritten.module()(*inputs)) < CLOSE
    return largest_difference(expected, run_litert(upstream_litert(rewritten, signature_of(inputs, expected)), inputs))


def refusal(program: ExportedProgram, inputs: tuple[torch.Tensor, ...]) -> str:
    """What upstream says about the program as it is."""
    with pytest.raises(ConversionError) as caught:
        upstream_litert(program, signature_of(inputs, program.module()(*inputs)))
    return caught.value.message


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1),
        nn.ConvTranspose2d(4, 8, 3, stride=2, groups=2, padding=1, output_padding=1),
    ],
)
def test_padded_transposed_convolutions_are_not_legalised_and_cropped_ones_are(layer: nn.Module):
    inputs = (torch.randn(2, 4, 5, 6),)
    program = exported(Flat(lambda part, x: part(x), layer), inputs)
    assert "mhlo.convolution" in refusal(program, inputs)
    assert difference(program, inputs, crop_transposed_convolutions) < CLOSE


def test_more_output_padding_than_padding_adds_what_the_bias_alone_gives():
    inputs = (torch.randn(2, 4, 5, 6),)
    program = exported(Flat(lambda part, x: part(x), nn.ConvTranspose2d(4, 6, 2, stride=2, output_padding=1)), inputs)
    rewritten = crop_transposed_convolutions(program)
    assert largest_difference(program.module()(*inputs), rewritten.module()(*inputs)) < CLOSE


@pytest.mark.parametrize("options", [{"size": (17, 29)}, {"scale_factor": 1.5}, {"scale_factor": (2, 1.7)}])
def test_nearest_resizing_to_no_multiple_takes_other_pixels_unless_they_are_picked(options: dict[str, Any]):
    inputs = (torch.randn(2, 4, 11, 13),)
    program = exported(Flat(lambda x: nn.functional.interpolate(x, **options)), inputs)
    assert difference(program, inputs, lambda same: same) > CLOSE
    assert difference(program, inputs, exact_nearest_upsampling) == 0


def test_nearest_resizing_to_a_multiple_stays_one_operator():
    program = exported(Flat(lambda x: nn.functional.interpolate(x, scale_factor=2)), (torch.randn(1, 2, 4, 5),))
    assert "upsample_nearest2d" in str(exact_nearest_upsampling(program).graph)


def test_exclusive_or_of_booleans_cannot_be_written_and_not_equal_can():
    inputs = (torch.randn(3, 5), torch.randn(3, 5))
    program = exported(Flat(lambda x, y: (x > 0) ^ (y > 0)), inputs)
    assert "Failed to export flatbuffer" in refusal(program, inputs)
    assert difference(program, inputs, xor_as_not_equal) == 0


def test_exclusive_or_of_integers_stays():
    program = exported(Flat(torch.bitwise_xor), (torch.tensor([1, 2]), torch.tensor([3, 5])))
    assert "bitwise_xor" in str(xor_as_not_equal(program).graph)


def test_floor_division_of_floats_is_not_legalised_and_its_formula_is():
    inputs = (torch.randn(30, 50) * 5, torch.randn(30, 50))
    program = exported(Flat(torch.floor_divide), inputs)
    assert "round_nearest_afz" in refusal(program, inputs)
    assert difference(program, inputs, spell_out_floor_division) == 0


@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 5, 6)])
def test_prelu_doubles_the_layer_before_it_and_its_formula_does_not(shape: tuple[int, ...]):
    layer: nn.Module = nn.Linear(4, 64) if len(shape) == 2 else nn.Conv2d(4, 64, 3)
    inputs = (torch.randn(shape),)
    program = exported(Flat(lambda layer, activation, x: activation(layer(x)), layer, nn.PReLU(64)), inputs)
    signature = signature_of(inputs, program.module()(*inputs))
    assert difference(program, inputs, spell_out_prelu) < CLOSE
    usual, spelled_out = (len(upstream_litert(each, signature)) for each in (program, spell_out_prelu(program)))
    assert spelled_out < usual if len(shape) == 2 else spelled_out <= usual + 64


def test_sort_becomes_an_operator_that_no_runtime_has_and_topk_does_not():
    inputs = (torch.randn(3, 20),)
    program = exported(Flat(torch.sort), inputs)
    assert "STABLEHLO_SORT" in refusal(program, inputs)
    assert difference(program, inputs, sort_as_topk) == 0


def test_assertions_have_no_lowering_and_go():
    class Checked(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            torch.ops.aten._assert_async.msg((x > -100).all(), "too small")
            return (x + 1,)

    program = exported(Checked(), (torch.randn(3),))
    assert "_assert_async" in str(program.graph)
    rewritten = drop_assertions(program)
    assert [node.target for node in rewritten.graph.nodes if node.op == "call_function"] == [torch.ops.aten.add.Tensor]


def test_infinite_constants_are_clamped_in_copies_where_upstream_clamps_the_models_own():
    mask = torch.full((4, 4), float("-inf")).triu(1)

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", mask.clone())

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            return ((x + self.mask).softmax(-1),)

    inputs = (torch.randn(4, 4),)
    program = exported(Masked(), inputs)
    rewritten = clamp_infinities(program)
    assert difference(program, inputs, lambda _program: rewritten) < CLOSE
    assert torch.equal(program.state_dict["mask"], mask)
    upstream_litert(program, signature_of(inputs, program.module()(*inputs)))
    assert not torch.equal(program.state_dict["mask"], mask)


def test_every_operator_without_lowering_is_named_with_its_line():
    class Statistics(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            middle = x.median(1)[0]
            return middle, x.cumprod(1)

    inputs = (torch.randn(3, 5),)
    program = exported(Statistics(), inputs)
    with pytest.raises(UnsupportedOperators, match=r"(?s)2 operators.*median.dim \(test_litert.*cumprod \(test_litert"):
        upstream_litert(program, signature_of(inputs, program.module()(*inputs)))
