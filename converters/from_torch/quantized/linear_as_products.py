"""Writes quantised linear layers as the matrix products that ONNX Runtime has integer kernels for."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import ConstantEdit, constants_of
from ..passes.node_writer import NodeWriter
from ..quantization.operators import DEQUANTIZE, DEQUANTIZE_CHANNELS, QUANTIZE
from .reading import StoredWeights, grid_of, is_rounding, stored_weights

_aten = torch.ops.aten


def linear_as_products(program: ExportedProgram) -> ExportedProgram:
    """Write linear layers with int8 weights as x W (+ b), with W stored as [inputs, outputs].

    Of a tensor with a scale of its own, x W + b becomes one product of two matrices, with the axes before the last
    taken together: onnxruntime 1.32 adds the bias in integers in a Gemm alone, and a Gemm knows matrices alone.
    """
    edit = ConstantEdit(program)
    constants = constants_of(program)
    for node in edit.graph.find_nodes(op="call_function", target=_aten.linear.default):
        value, weight, bias = (*node.args, None)[:3]
        stored = stored_weights(weight)
        if stored is None or (stored.scales is not None and stored.axis != 0):
            continue
        turned = edit.add(f"{stored.integers.name}_turned", constants[stored.integers.name].detach().T.contiguous())
        with edit.graph.inserting_before(node):
            w = edit.writer(node)
            real = _dequantized(w, stored, turned)
            if grid_of(value) is not None:
                _as_matrices(edit, node, (value, real, bias))
            else:
                product = w.call(_aten.matmul.default, value, real)
                edit.replace(node, product if bias is None else w.call(_aten.add.Tensor, product, bias))
        edit.graph.erase_node(node)
        if not stored.node.users:
            edit.graph.erase_node(stored.node)
    edit.drop_unused()
    return edit.program()


def _dequantized(w: NodeWriter, stored: StoredWeights, turned: fx.Node) -> fx.Node:
    rest: list[Any] = list(stored.node.args[1:])
    if stored.node.target is DEQUANTIZE_CHANNELS:
        rest[2] = 1
    target: Any = stored.node.target
    return w.call(target, turned, *rest)


def _as_matrices(edit: ConstantEdit, node: fx.Node, operands: tuple[Any, fx.Node, Any]) -> None:
    """Its input reshaped in integers, and its result brought back to its shape in integers, where it is rounded."""
    value, real, bias = operands
    w = edit.writer(node)
    many = value.meta["val"].dim() != 2
    if many:
        value = _as_rows(w, value)
    target: Any = _aten.mm.default if bias is None else _aten.addmm.default
    result = w.call(target, *(() if bias is None else (bias,)), value, real)
    rounding = next(iter(node.users), None)
    if not many:
        edit.replace(node, result)
    elif rounding is None or not is_rounding(rounding) or len(node.users) > 1:
        edit.replace(node, w.call(_aten.reshape.default, result, _shape_of(w, node)))
    else:
        with edit.graph.inserting_before(rounding):
            scale = rounding.args[1:]
            flat = w.call(DEQUANTIZE, w.call(QUANTIZE, result, *scale), *scale)
            edit.replace(node, w.call(_aten.reshape.default, flat, _shape_of(w, node)))


def _as_rows(w: NodeWriter, value: fx.Node) -> fx.Node:
    """A tensor of integers as a matrix of the same scale."""
    scale = value.args[1:]
    rows = w.call(_aten.reshape.default, value, [-1, value.meta["val"].shape[-1]])
    return w.call(DEQUANTIZE, w.call(QUANTIZE, rows, *scale), *scale)


def _shape_of(w: NodeWriter, node: fx.Node) -> list[Any]:
    """The shape of a layer's result; a size that is known as it runs only is asked of its input."""
    source: Any = node.args[0]
    sizes = node.meta["val"].shape
    return [
        size if isinstance(size, int) else w.call_for(size, _aten.sym_size.int, source, axis)
        for axis, size in enumerate(sizes)
    ]
