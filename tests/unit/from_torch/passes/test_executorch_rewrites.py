"""Each rewrite that ExecuTorch needs: what happens upstream without it, and that it changes no result."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch_lowering import Flat, exported, largest_difference, run_executorch, upstream_executorch

from edgeproof.converters.from_torch.passes.contiguous_constants import contiguous_constants
from edgeproof.converters.from_torch.passes.crops_as_slices import crops_as_slices
from edgeproof.converters.from_torch.passes.keep_dim_reductions import keep_dim_reductions
from edgeproof.converters.from_torch.passes.sort_as_topk import sort_as_topk
from edgeproof.converters.from_torch.passes.spell_out_prelu import spell_out_prelu_but_on_images
from edgeproof.converters.from_torch.passes.spell_out_tanh_gelu import spell_out_tanh_gelu

pytestmark = pytest.mark.torch
CLOSE = 1e-6


def channels_last_convolution() -> Flat:
    return Flat(lambda layer, x: layer(x), nn.Conv2d(4, 6, 3).to(memory_format=torch.channels_last))


def test_a_channels_last_kernel_stops_xnnpack_and_a_contiguous_one_does_not():
    inputs = (torch.randn(2, 4, 9, 7),)
    program = exported(channels_last_convolution(), inputs)
    with pytest.raises(Exception, match="ChannelsLastTaggedReshapePass"):
        upstream_executorch(program)
    got = run_executorch(upstream_executorch(contiguous_constants(program)), inputs)
    assert largest_difference(program.module()(*inputs), got) < CLOSE


def test_the_program_that_a_pass_is_given_stays_as_it_was():
    program = exported(channels_last_convolution(), (torch.randn(2, 4, 9, 7),))
    before = str(program.graph), [value.stride() for value in program.state_dict.values()]
    contiguous_constants(program)
    assert (str(program.graph), [value.stride() for value in program.state_dict.values()]) == before


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 7), (2, 5, 3, 2, 2)])
@pytest.mark.parametrize("weights", [1, 5])
def test_prelu_on_anything_but_images_stops_xnnpack_and_its_formula_does_not(shape: tuple[int, ...], weights: int):
    inputs = (torch.randn(shape),)
    program = exported(Flat(lambda layer, x: layer(x), nn.PReLU(weights)), inputs)
    with pytest.raises(Exception, match="ChannelsLastTaggedReshapePass"):
        upstream_executorch(program)
    rewritten = spell_out_prelu_but_on_images(program)
    assert largest_difference(program.module()(*inputs), rewritten.module()(*inputs)) == 0
    assert largest_difference(program.module()(*inputs), run_executorch(upstream_executorch(rewritten), inputs)) == 0


def test_prelu_on_images_stays_one_operator():
    program = exported(Flat(lambda layer, x: layer(x), nn.PReLU(4)), (torch.randn(2, 4, 5, 6),))
    assert (
        len(
            spell_out_prelu_but_on_images(program).graph.find_nodes(
                op="call_function", target=torch.ops.aten.prelu.default
            )
        )
        == 1
    )


def test_xnnpack_computes_the_exact_gelu_for_the_tanh_one_unless_it_is_written_out():
    inputs = (torch.linspace(-4, 4, 64).reshape(4, 16),)
    program = exported(Flat(lambda x: torch.nn.functional.gelu(x, approximate="tanh")), inputs)
    expected = program.module()(*inputs)
    assert largest_difference(expected, run_executorch(upstream_executorch(program), inputs)) > 1e-5
    got = run_executorch(upstream_executorch(spell_out_tanh_gelu(program)), inputs)
    assert largest_difference(expected, got) < CLOSE


def test_the_exact_gelu_stays_one_operator():
    program = exported(Flat(torch.nn.functional.gelu), (torch.randn(3, 5),))
    rewritten = spell_out_tanh_gelu(program)
    assert len(rewritten.graph.find_nodes(op="call_function", target=torch.ops.aten.gelu.default)) == 1


@pytest.mark.parametrize("keep", [True, False])
def test_a_maximum_whose_positions_nobody_asks_for_stops_xnnpack_and_amax_does_not(keep: bool):
    inputs = (torch.randn(2, 4, 9, 7),)
    model = Flat(lambda layer, x: layer(x).max(1, keepdim=keep)[0], nn.Conv2d(4, 6, 3))
    program = exported(model, inputs)
    with pytest.raises(RuntimeError, match=r"amax.default only supports"):
        upstream_executorch(program)
    got = run_executorch(upstream_executorch(keep_dim_reductions(program)), inputs)
    assert largest_difference(program.module()(*inputs), got) < CLOSE


def test_a_maximum_with_its_positions_stays():
    program = exported(Flat(lambda x: x.max(1)), (torch.randn(2, 4, 9, 7),))
    rewritten = keep_dim_reductions(program)
    assert len(rewritten.graph.find_nodes(op="call_function", target=torch.ops.aten.max.dim)) == 1


def test_a_mean_over_the_image_goes_to_xnnpack_only_with_its_axes_kept():
    inputs = (torch.randn(2, 4, 9, 7),)
    program = exported(Flat(lambda layer, x: layer(x).mean((-2, -1)), nn.Conv2d(4, 6, 3)), inputs)
    payload = upstream_executorch(program)
    assert b"aten::mean" in payload
    rewritten = upstream_executorch(keep_dim_reductions(program))
    assert b"aten::mean" not in rewritten
    assert largest_difference(program.module()(*inputs), run_executorch(rewritten, inputs)) < CLOSE


def test_sort_has_no_kernel_and_topk_has():
    inputs = (torch.randn(3, 20),)
    program = exported(Flat(lambda x: torch.sort(x, dim=1, descending=True)), inputs)
    with pytest.raises(RuntimeError, match=r"0x:?14"):
        run_executorch(upstream_executorch(program), inputs)
    got = run_executorch(upstream_executorch(sort_as_topk(program)), inputs)
    assert largest_difference(program.module()(*inputs), got) == 0


def test_a_stable_sort_stays_because_topk_may_swap_equal_elements():
    program = exported(Flat(lambda x: torch.sort(x, stable=True)), (torch.randn(3, 20),))
    assert "sort" in str(sort_as_topk(program).graph)


def test_negative_padding_is_refused_when_it_runs_and_a_slice_is_not():
    inputs = (torch.randn(2, 4, 9, 7),)
    program = exported(Flat(lambda x: torch.nn.functional.pad(x, (-1, 2, -2, -3), value=0.5)), inputs)
    with pytest.raises(RuntimeError, match="0x12"):
        run_executorch(upstream_executorch(program), inputs)
    rewritten = crops_as_slices(program)
    assert largest_difference(program.module()(*inputs), rewritten.module()(*inputs)) == 0
    assert largest_difference(program.module()(*inputs), run_executorch(upstream_executorch(rewritten), inputs)) == 0
