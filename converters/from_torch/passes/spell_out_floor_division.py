"""Writes the floor division of floats out with a remainder."""

from __future__ import annotations

import torch
from torch import fx
from torch.export import ExportedProgram

from .node_writer import ProgramEdit

_aten = torch.ops.aten
_TARGETS = (_aten.floor_divide.default, _aten.div.Tensor_mode)


def spell_out_floor_division(program: ExportedProgram) -> ExportedProgram:
    """Replace floor(a / b) on floats by round((a - remainder(a, b)) / b), which does not lose the last bit.

    litert-torch 0.10.0 lowers it with a rounding that LiteRT's converter leaves behind
    (mhlo.round_nearest_afz).
    """
    edit = ProgramEdit(program)
    for target in _TARGETS:
        for node in edit.graph.find_nodes(op="call_function", target=target):
            if not _is_float_floor(node):
                continue
            a, b = node.args[:2]
            with edit.graph.inserting_before(node):
                writer = edit.writer(node)
                remainder = writer.call(
                    _aten.remainder.Tensor if isinstance(b, fx.Node) else _aten.remainder.Scalar, a, b
                )
                whole = writer.call(_aten.div.Tensor, writer.call(_aten.sub.Tensor, a, remainder), b)
                edit.replace(node, writer.call(_aten.round.default, whole))
            edit.graph.erase_node(node)
    return edit.program()


def _is_float_floor(node: fx.Node) -> bool:
    floors = node.target is _aten.floor_divide.default or node.kwargs.get("rounding_mode") == "floor"
    return floors and isinstance(node.args[0], fx.Node) and bool(node.meta["val"].dtype.is_floating_point)
