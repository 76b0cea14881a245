"""Writes the dequantising of weights that no delegate takes with plain operators."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import ConstantEdit, constants_of
from ..quantization.operators import DEQUANTIZE, DEQUANTIZE_CHANNELS
from .reading import StoredWeights, stored_weights

_aten = torch.ops.aten
_SCAN: Any = torch.ops.higher_order.scan


def plain_dequantizers(program: ExportedProgram) -> ExportedProgram:
    """Dequantise the matrices of loops by a cast and a product, once before the loop.

    The runtime of executorch 1.5.1 that PyPI has knows no kernel of quantized_decomposed.
    """
    constants = constants_of(program)
    edit = ConstantEdit(program)
    for target in (DEQUANTIZE, DEQUANTIZE_CHANNELS):
        for node in list(edit.graph.find_nodes(op="call_function", target=target)):
            stored = stored_weights(node)
            if stored is not None and all(user.target is _SCAN for user in node.users):
                _spell_out(edit, node, stored, constants)
    edit.drop_unused()
    return edit.program()


def _spell_out(edit: ConstantEdit, node: fx.Node, stored: StoredWeights, constants: dict[str, torch.Tensor]) -> None:
    rank = node.meta["val"].dim()
    scales: Any = stored.scale
    if stored.scales is not None:
        shape = [-1 if axis == stored.axis else 1 for axis in range(rank)]
        scales = edit.add(f"{stored.scales.name}_spread", constants[stored.scales.name].detach().reshape(shape))
    with edit.graph.inserting_before(node):
        w = edit.writer(node)
        real = w.call(_aten._to_copy.default, stored.integers, dtype=torch.float32)
        edit.replace(node, w.call(_aten.mul.Tensor, real, scales))
    edit.graph.erase_node(node)
