"""Takes out activations that only clip where the integers behind them end anyway."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.node_writer import ProgramEdit
from ..quantization.operators import INT8_MAX, INT8_MIN, QUANTIZE
from .reading import grid_of

_aten = torch.ops.aten
_RELUS = (_aten.relu.default, _aten.relu_.default)
_RELU6S = (_aten.relu6.default, _aten.relu6_.default)
_BOUNDED = (_aten.hardtanh.default, _aten.hardtanh_.default, _aten.clamp.default)


def drop_redundant_clips(program: ExportedProgram) -> ExportedProgram:
    """Let a layer's result be rounded at once where clipping it first leaves every integer as it is.

    A runtime then finds a layer and its rounding side by side, and need not see for itself that the clip is idle.
    """
    edit = ProgramEdit(program)
    for rounding in edit.graph.find_nodes(op="call_function", target=QUANTIZE):
        clip: Any = rounding.args[0]
        grid = grid_of(rounding)
        bounds = _bounds(clip)
        if bounds is None or grid is None or len(clip.users) != 1:
            continue
        low, high = bounds
        if grid.index(low) == INT8_MIN and (high is None or grid.index(high) == INT8_MAX):
            edit.replace(clip, clip.args[0])
            edit.graph.erase_node(clip)
    return edit.program()


def _bounds(node: fx.Node) -> tuple[float, float | None] | None:
    """The least and the greatest value that an activation lets through; None for other operators."""
    if node.target in _RELUS:
        return 0.0, None
    if node.target in _RELU6S:
        return 0.0, 6.0
    given: list[Any] = [*node.args[1:], *(None,) * 2][:2]
    if node.target in _BOUNDED and not node.kwargs:
        low, high = given
        if node.target is not _aten.clamp.default:
            low, high = -1.0 if low is None else low, 1.0 if high is None else high
        if isinstance(low, (int, float)) and (high is None or isinstance(high, (int, float))):
            return float(low), None if high is None else float(high)
    return None
