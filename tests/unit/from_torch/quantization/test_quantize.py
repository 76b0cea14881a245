"""A recipe written into a program: what stands where, and that the program it came from stays as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from calibrated_programs import calls_like, decibels, nodes_of, operators_of, program_of, recipe_of, run
from torch import nn
from torch.export import ExportedProgram
from torch_lowering import Flat, exported

from edgeproof.converters.from_torch.passes.constants import constants_of
from edgeproof.converters.from_torch.quantization.operators import (
    CHOOSE,
    DEQUANTIZE,
    DEQUANTIZE_CHANNELS,
    QUANTIZE,
    is_quantized,
)
from edgeproof.converters.from_torch.quantization.prepare import prepared
from edgeproof.converters.from_torch.quantization.quantize import quantize, steps_of_outputs
from edgeproof.converters.from_torch.quantization.weights import integer_weights
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.recipe import Compute, Granularity, Recipe

pytestmark = pytest.mark.torch
F = nn.functional
IMAGE = torch.randn(1, 4, 8, 8)
CALLS = calls_like(IMAGE)


def convolution() -> nn.Conv2d:
    return nn.Conv2d(4, 4, 3, padding=1)


def stored(program: ExportedProgram) -> dict[str, torch.dtype]:
    return {name: value.dtype for name, value in constants_of(program).items()}


def two_convolutions() -> ExportedProgram:
    return program_of(lambda one, two, x: two(one(x).relu()), [convolution(), convolution()], IMAGE)


def test_pairs_stand_between_layers_and_not_before_fused_activations() -> None:
    program = two_convolutions()
    made = quantize(program, recipe_of(program, CALLS))
    pair = ["quantize_per_tensor", "dequantize_per_tensor"]
    weights = ["dequantize_per_channel"]
    assert operators_of(made) == [*pair, *weights, "conv2d", "relu", *pair, *weights, "conv2d", *pair]
    assert is_quantized(made)
    assert not is_quantized(program)


def test_a_quantised_program_computes_nearly_the_same() -> None:
    program = two_convolutions()
    made = quantize(program, recipe_of(program, CALLS))
    (before,), (after,) = run(program, CALLS[0]), run(made, CALLS[0])
    assert 25 < decibels(before, after) < 60
    assert after.shape == before.shape


def test_values_lie_on_the_grid_of_the_recipe() -> None:
    program = two_convolutions()
    recipe = recipe_of(program, CALLS)
    made = quantize(program, recipe)
    (output,) = run(made, CALLS[0])
    tensor = recipe.by_tensor["conv2d_1"]
    integers = output / tensor.scale
    assert torch.allclose(integers, integers.round(), atol=1e-3)
    assert steps_of_outputs(made) == [pytest.approx(tensor.scale)]


def test_weights_are_stored_in_8_bits_and_no_longer_in_float() -> None:
    program = two_convolutions()
    kinds = stored(quantize(program, recipe_of(program, CALLS)))
    assert sum(dtype is torch.int8 for dtype in kinds.values()) == 2
    assert sum(dtype is torch.int64 for dtype in kinds.values()) == 2  # the zero points
    assert sum(dtype is torch.float32 for dtype in kinds.values()) == 4  # biases and scales


def test_the_program_itself_stays() -> None:
    program = two_convolutions()
    text, kinds, before = str(program.graph), stored(program), run(program, CALLS[0])
    quantize(program, recipe_of(program, CALLS))
    assert str(program.graph) == text
    assert stored(program) == kinds
    assert torch.equal(run(program, CALLS[0])[0], before[0])


def test_weights_that_are_given_are_taken() -> None:
    program = two_convolutions()
    recipe = recipe_of(program, CALLS)
    given = integer_weights(torch.ones(4, 4, 3, 3), 0)
    made = quantize(program, recipe, {"conv2d": given})
    values = [value for value in constants_of(made).values() if value.dtype is torch.int8]
    assert any(torch.equal(value, given.integers) for value in values)


def test_one_scale_for_all_weights_where_the_recipe_says_so() -> None:
    program = two_convolutions()
    recipe = recipe_of(program, CALLS)
    layers = tuple(replace(layer, granularity=Granularity.PER_TENSOR) for layer in recipe.layers)
    made = quantize(program, replace(recipe, layers=layers))
    assert not nodes_of(made, DEQUANTIZE_CHANNELS)
    assert len(nodes_of(made, DEQUANTIZE)) == 5
    assert decibels(run(program, CALLS[0])[0], run(made, CALLS[0])[0]) > 20


def test_a_layer_left_in_float_has_float_weights_and_float_inputs() -> None:
    program = two_convolutions()
    layers = tuple(
        replace(layer, compute=Compute.FP32) if layer.name == "conv2d_1" else layer
        for layer in recipe_of(program, CALLS).layers
    )
    made = quantize(program, recipe_of(program, CALLS, layers=layers))
    assert len(nodes_of(made, DEQUANTIZE_CHANNELS)) == 1
    (last,) = [node for node in nodes_of(made, torch.ops.aten.conv2d.default) if node.name == "conv2d_1"]
    assert last.args[1].op == "placeholder"
    assert steps_of_outputs(made) == [None]


def _both(value: torch.Tensor, layer: nn.Module) -> tuple[torch.Tensor, ...]:
    return layer(value), value * 2


def test_a_float_value_is_rounded_for_those_alone_that_compute_in_integers() -> None:
    program = program_of(lambda one, x: _both(F.gelu(x), one), [convolution()], IMAGE)
    made = quantize(program, recipe_of(program, CALLS))
    (multiply,) = nodes_of(made, torch.ops.aten.mul.Tensor)
    assert multiply.args[0].name == "gelu"
    assert torch.equal(run(program, CALLS[0])[1], run(made, CALLS[0])[1])


def test_what_is_computed_in_integers_is_read_as_such_by_everybody() -> None:
    program = program_of(lambda one, x: (F.gelu(y), y) if (y := one(x)) is not None else (), [convolution()], IMAGE)
    made = quantize(program, recipe_of(program, CALLS))
    (gelu,) = nodes_of(made, torch.ops.aten.gelu.default)
    assert gelu.args[0].target is DEQUANTIZE
    steps = steps_of_outputs(made)
    assert steps[0] is None
    assert steps[1] is not None


def test_an_input_that_is_also_an_output_is_given_back_unrounded() -> None:
    program = program_of(lambda one, x: (one(x), x), [convolution()], IMAGE)
    made = quantize(program, recipe_of(program, CALLS))
    assert torch.equal(run(made, CALLS[0])[1], CALLS[0][0])


def test_tied_tensors_share_their_scale() -> None:
    def joined(one: nn.Module, two: nn.Module, three: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return three(torch.cat([one(x).relu(), F.max_pool2d(two(x) * 1, 3, 1, 1)], 1))

    parts = [convolution(), convolution(), nn.Conv2d(8, 4, 3)]
    program = program_of(joined, parts, IMAGE)
    recipe = recipe_of(program, CALLS)
    made = quantize(program, recipe)
    if "cat" in recipe.integer_operators:
        assert recipe.by_tensor["cat"].scale == recipe.by_tensor["relu"].scale
    (before,), (after,) = run(program, CALLS[0]), run(made, CALLS[0])
    assert decibels(before, after) > 25


def test_a_join_and_what_it_joins_have_one_scale_that_covers_all() -> None:
    def joined(one: nn.Module, two: nn.Module, three: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return three(torch.cat([one(x).relu(), two(x)], 1).relu())

    program = program_of(joined, [convolution(), convolution(), nn.Conv2d(8, 4, 3)], IMAGE)
    recipe = recipe_of(program, CALLS)
    scales = {(recipe.by_tensor[name].scale, recipe.by_tensor[name].zero_point) for name in ("relu", "conv2d_1", "cat")}
    assert len(scales) == 1
    assert decibels(run(program, CALLS[0])[0], run(quantize(program, recipe), CALLS[0])[0]) > 25


def embedded() -> ExportedProgram:
    return program_of(lambda table, head, ids: head(table(ids)), [nn.Embedding(50, 8), nn.Linear(8, 3)], TEXT)


TEXT = torch.tensor([[1, 7, 49], [0, 3, 7]])


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.INT8_DYNAMIC, Precision.INT8_WEIGHTS])
def test_a_table_is_looked_up_in_integers_and_scaled_by_row(precision: Precision) -> None:
    program = embedded()
    made = quantize(program, recipe_of(program, [(TEXT,)], precision))
    rows, scales = nodes_of(made, torch.ops.aten.embedding.default)
    assert rows.meta["val"].dtype is torch.int8
    assert scales.meta["val"].shape == (2, 3, 1)
    assert not any(value.shape == (50, 8) and value.dtype is torch.float32 for value in constants_of(made).values())
    (before,), (after,) = run(program, (TEXT,)), run(made, (TEXT,))
    assert decibels(before, after) > 25


def matrices() -> ExportedProgram:
    def both(one: nn.Module, two: nn.Module, three: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        shared = F.gelu(one(x))
        return two(shared), three(shared)

    return program_of(both, [nn.Linear(8, 16), nn.Linear(16, 4), nn.Linear(16, 4)], torch.randn(5, 8))


def test_dynamic_layers_measure_their_input_once() -> None:
    program = matrices()
    made = quantize(program, recipe_of(program, [], Precision.INT8_DYNAMIC))
    assert len(nodes_of(made, CHOOSE)) == 2
    assert not nodes_of(made, QUANTIZE)
    x = torch.randn(5, 8)
    for scale in (1e-3, 1.0, 1e3):
        for before, after in zip(run(program, (x * scale,)), run(made, (x * scale,)), strict=True):
            assert decibels(before, after) > 25


def test_weights_alone_leave_activations_in_float() -> None:
    program = matrices()
    made = quantize(program, recipe_of(program, [], Precision.INT8_WEIGHTS))
    assert not nodes_of(made, CHOOSE)
    assert not nodes_of(made, QUANTIZE)
    assert len(nodes_of(made, DEQUANTIZE_CHANNELS)) == 3


def test_matrices_that_are_read_in_float_measure_their_input() -> None:
    program = matrices()
    recipe = recipe_of(program, calls_like(torch.randn(5, 8)))
    assert [layer.compute for layer in recipe.layers] == [Compute.INT8_DYNAMIC] * 3
    assert all(layer.reason for layer in recipe.layers)
    assert recipe.tensors == ()


def test_a_matrix_behind_integers_that_is_an_output_measures_what_is_in_integers() -> None:
    program = program_of(lambda one, two, x: two(one(x).relu().flatten(1)), [convolution(), nn.Linear(256, 3)], IMAGE)
    recipe = recipe_of(program, CALLS)
    made = quantize(program, recipe)
    assert recipe.by_layer["linear"].compute is Compute.INT8_DYNAMIC
    assert recipe.by_layer["conv2d"].compute is Compute.INT8
    assert steps_of_outputs(made) == [None]
    assert decibels(run(program, CALLS[0])[0], run(made, CALLS[0])[0]) > 25


def test_an_open_batch_stays_open() -> None:
    batch = torch.export.Dim("batch", min=1, max=64)
    module = Flat(lambda one, two, x: two(one(x).relu()), convolution(), convolution())
    program = prepared(exported(module, (torch.randn(2, 4, 8, 8),), (({0: batch},),)))
    made = quantize(program, recipe_of(program, [(torch.randn(2, 4, 8, 8),)]))
    assert run(made, (torch.randn(7, 4, 8, 8),))[0].shape == (7, 4, 8, 8)


def test_names_of_inputs_and_outputs_stay() -> None:
    program = two_convolutions()
    made = quantize(program, recipe_of(program, CALLS))
    assert made.graph_signature.user_inputs == program.graph_signature.user_inputs
    assert len(made.graph_signature.user_outputs) == len(program.graph_signature.user_outputs)


def test_a_recipe_that_quantises_nothing_changes_nothing() -> None:
    program = two_convolutions()
    recipe = recipe_of(program, CALLS)
    layers = tuple(replace(layer, compute=Compute.FP32) for layer in recipe.layers)
    made = quantize(program, Recipe(precision=Precision.INT8, source="", program="", layers=layers))
    assert not is_quantized(made)
    assert torch.equal(run(program, CALLS[0])[0], run(made, CALLS[0])[0])
