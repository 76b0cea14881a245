"""Computes transposed convolutions without padding and cuts the borders off afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .node_writer import NodeWriter, ProgramEdit

_aten = torch.ops.aten
_RANKS = {_aten.conv_transpose1d.default: 1, _aten.conv_transpose2d.input: 2, _aten.conv_transpose3d.input: 3}


def crop_transposed_convolutions(program: ExportedProgram) -> ExportedProgram:
    """Rewrite padded transposed convolutions as unpadded ones and a crop (or zeros, and after them the bias).

    With stride s, kernel k, dilation d and padding p the unpadded result has (n - 1) s + d (k - 1) + 1
    elements, of which those from p on, (n - 1) s - 2 p + d (k - 1) + 1 + output_padding in number, are kept.
    LiteRT's converter (litert-torch 0.10.0) leaves the others behind: "failed to legalize mhlo.convolution".
    """
    edit = ProgramEdit(program)
    for target, rank in _RANKS.items():
        for node in edit.graph.find_nodes(op="call_function", target=target):
            given = _arguments(node, rank)
            if not any((*given["padding"], *given["output_padding"])):
                continue
            with edit.graph.inserting_before(node):
                edit.replace(node, _rewritten(edit.writer(node), node, given))
            edit.graph.erase_node(node)
    return edit.program()


def _arguments(node: fx.Node, rank: int) -> dict[str, Any]:
    names = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
    given: dict[str, Any] = {"bias": None, "stride": 1, "padding": 0, "output_padding": 0, "groups": 1, "dilation": 1}
    given.update(zip(names, node.args, strict=False), **node.kwargs)
    for name in ("stride", "padding", "output_padding", "dilation"):
        value = given[name]
        spread = [value] * rank if isinstance(value, int) else list(value)
        given[name] = spread * rank if len(spread) == 1 else spread
    return given


def _rewritten(writer: NodeWriter, node: fx.Node, given: dict[str, Any]) -> fx.Node:
    rank = len(given["stride"])
    nothing = [0] * rank
    borders = list(zip(given["padding"], given["output_padding"], strict=True))
    grows = any(added > start for start, added in borders)
    inside = None if grows else given["bias"]
    plain = (given["input"], given["weight"], inside, given["stride"], nothing, nothing, given["groups"])
    result = writer.call(node.target, *plain, given["dilation"])  # type: ignore[arg-type]
    for axis, (start, added) in enumerate(borders, start=2):
        result = _borders(writer, result, axis, start, added)
    if given["bias"] is inside:
        return result
    bias = writer.call(_aten.reshape.default, given["bias"], [1, -1, *([1] * rank)])
    return writer.call(_aten.add.Tensor, result, bias)


def _borders(writer: NodeWriter, value: fx.Node, axis: int, start: int, added: int) -> fx.Node:
    """Without `start` elements at either end of an axis, but `added` more at its end."""
    cut = added - start
    if start or cut < 0:
        value = writer.call(_aten.slice.Tensor, value, axis, start, cut if cut < 0 else 1 << 62)
    if cut > 0:
        rank = value.meta["val"].dim()
        value = writer.call(_aten.constant_pad_nd.default, value, _amounts(rank, axis, cut))
    return value


def _amounts(rank: int, axis: int, after: int) -> Sequence[int]:
    amounts = [0, 0] * (rank - axis)
    amounts[-1] = after
    return amounts
