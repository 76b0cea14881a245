"""Writes a recipe into a prepared program: integer weights, and a pair of quantise and dequantise on activations."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import fx
from torch.export import ExportedProgram

from ...precision import Precision
from ...quantization.recipe import Compute, Granularity, LayerRecipe, Recipe, TensorRecipe
from ..passes.constants import ConstantEdit
from ..passes.node_writer import NodeWriter
from .layers import FORMS, Layer, layers_of
from .operators import (
    CHOOSE,
    DEQUANTIZE,
    DEQUANTIZE_CHANNELS,
    DEQUANTIZE_CHOSEN,
    INT8_MAX,
    INT8_MIN,
    QUANTIZE,
    QUANTIZE_CHOSEN,
    SMALLEST_STEP,
    WEIGHT_MAX,
)
from .recurrent import LOOP, Matrix, layer_matrices, loop_matrices
from .weights import IntegerWeights, integer_weights
from .widening import widened

_aten = torch.ops.aten
_RANGE = (INT8_MIN, INT8_MAX, torch.int8)
_WEIGHT_RANGE = (-WEIGHT_MAX, WEIGHT_MAX, torch.int8)


def quantize(
    program: ExportedProgram, recipe: Recipe, weights: Mapping[str, IntegerWeights] | None = None
) -> ExportedProgram:
    """The quantised program; `program` is as `prepared` gives it and stays as it is.

    Its activations pass through integers where the recipe has a scale for them, its weights are int8 constants: those
    of `weights` by layer, and for other layers the nearest. Run in float it is the simulation that artifacts are
    judged by.
    """
    writing = _Writing(program, recipe, weights or {})
    for layer in layers_of(program):
        chosen = recipe.by_layer.get(layer.name)
        if chosen is not None and chosen.compute is not Compute.FP32:
            writing.layer(layer, chosen)
    for matrix in loop_matrices(program):
        if recipe.by_layer[matrix.reader.name].compute is Compute.INT8_WEIGHTS:
            writing.recurrent(matrix)
    if all(layer.compute is Compute.INT8_WEIGHTS for layer in recipe.layers if layer.operator == LOOP):
        for matrix in layer_matrices(program):
            writing.recurrent(matrix)
    for tensor in recipe.tensors:
        writing.activation(tensor)
    writing.edit.drop_unused()
    quantized = writing.edit.program()
    return widened(quantized) if recipe.precision is Precision.INT16X8 else quantized


def steps_of_outputs(program: ExportedProgram) -> list[float | None]:
    """The scale of each output of a quantised program; None for an output that is not in integers."""
    nodes = {node.name: node for node in program.graph.nodes}
    kept = [nodes[spec.arg.name] for spec in program.graph_signature.output_specs if spec.arg.name in nodes]
    return [float(node.args[1]) if node.target is DEQUANTIZE else None for node in kept]


class _Writing:
    """The program that is being quantised; `_nodes` are the nodes of its copy by name."""

    def __init__(self, program: ExportedProgram, recipe: Recipe, weights: Mapping[str, IntegerWeights]) -> None:
        self._weights = weights
        self.edit = ConstantEdit(program)
        self._nodes = {node.name: node for node in self.edit.graph.nodes}
        self._integer = recipe.integer_operators
        self._measured: dict[fx.Node, fx.Node] = {}

    def layer(self, layer: Layer, chosen: LayerRecipe) -> None:
        """Give a layer integer weights and, if it computes so, an input that is measured as it runs."""
        node = self._nodes[layer.name]
        axis = layer.axis if chosen.granularity is Granularity.PER_CHANNEL else None
        made = self._weights.get(layer.name) or integer_weights(layer.values, axis)
        form = FORMS[layer.node.target]
        with self.edit.graph.inserting_before(node):
            w = self.edit.writer(node)
            if form.activation is None:
                self._look_up(w, node, made)
                return
            if chosen.compute is Compute.INT8_DYNAMIC:
                node.update_arg(form.activation, self._measure(w, node.args[form.activation]))
            node.update_arg(form.weights, self._dequantized(w, layer.weights.name, made))

    def recurrent(self, matrix: Matrix) -> None:
        """Give a recurrent layer a matrix that is stored in integers."""
        reader = self._nodes[matrix.reader.name]
        with self.edit.graph.inserting_before(reader):
            w = self.edit.writer(reader)
            made = integer_weights(matrix.values, matrix.axis)
            real = self._dequantized(w, matrix.weights.name, made)
        reader.replace_input_with(self._nodes[matrix.weights.name], real)

    def activation(self, tensor: TensorRecipe) -> None:
        """Everybody reads the integers of what is computed in them; of a float value only those that compute so."""
        node = self._nodes.get(tensor.name)
        if node is None:
            return
        readers = [user for user in node.users if tensor.computed_by or user.name in self._integer]
        with self.edit.graph.inserting_after(node):
            w = self.edit.writer(node)
            integers = w.call(QUANTIZE, node, tensor.scale, tensor.zero_point, *_RANGE)
        with self.edit.graph.inserting_after(integers):
            real = w.call(DEQUANTIZE, integers, tensor.scale, tensor.zero_point, *_RANGE)
        for reader in readers:
            reader.replace_input_with(node, real)
            if reader.op == "output":
                self.edit.signature.replace_all_uses(node.name, real.name)

    def _dequantized(self, w: NodeWriter, name: str, made: IntegerWeights) -> fx.Node:
        stored = self.edit.add(f"{name}_int8", made.integers)
        if made.axis is None:
            return w.call(DEQUANTIZE, stored, float(made.scales), 0, *_WEIGHT_RANGE)
        scales = self.edit.add(f"{name}_scales", made.scales)
        zeros = self.edit.add(f"{name}_zeros", torch.zeros(made.scales.shape, dtype=torch.int64))
        return w.call(DEQUANTIZE_CHANNELS, stored, scales, zeros, made.axis, *_WEIGHT_RANGE)

    def _look_up(self, w: NodeWriter, node: fx.Node, made: IntegerWeights) -> None:
        """Rows are looked up as integers and scaled afterwards, so that the table is never there in float."""
        index, rest = node.args[1], node.args[2:]
        rows = w.call(_aten.embedding.default, self.edit.add(f"{node.name}_int8", made.integers), index, *rest)
        scales = self.edit.add(f"{node.name}_scales", made.scales.reshape(-1, 1))
        steps = w.call(_aten.embedding.default, scales, index)
        real = w.call(_aten.mul.Tensor, w.call(_aten._to_copy.default, rows, dtype=torch.float32), steps)
        self.edit.replace(node, real)
        self.edit.graph.erase_node(node)
        self._nodes[node.name] = real

    def _measure(self, w: NodeWriter, value: fx.Node) -> fx.Node:
        """The value through integers whose scale is chosen as it runs, once for all layers that read it."""
        if value not in self._measured:
            scale, zero_point = w.items(w.call(CHOOSE, value, INT8_MIN, INT8_MAX, SMALLEST_STEP, torch.int8))
            integers = w.call(QUANTIZE_CHOSEN, value, scale, zero_point, *_RANGE)
            self._measured[value] = w.call(DEQUANTIZE_CHOSEN, integers, scale, zero_point, *_RANGE)
        return self._measured[value]
