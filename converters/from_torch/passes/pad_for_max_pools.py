"""Pads with the least number before a max pool, where the border was repeated so that the pool should not see it."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .aliases import changed_in_place
from .node_writer import ProgramEdit

_aten = torch.ops.aten
_LEAST = torch.finfo(torch.float32).min  # XNNPACK refuses to pad with infinity
_POOL = _aten.max_pool2d.default


def pad_for_max_pools(program: ExportedProgram) -> ExportedProgram:
    """Turn pad(mode="replicate") into one with a constant, if each window holds what a repeated number repeats.

    Keras pads "same" pools of odd sizes so. Runtimes have no operator for it: executorch 1.5.1 looks the numbers up by
    their index, which cuts the delegated graph in two, and refuses images with their channels last.
    """
    edit = ProgramEdit(program)
    changed = changed_in_place(edit.graph)
    found = [
        node
        for node in edit.graph.find_nodes(op="call_function", target=_aten.pad.default)
        if node not in changed and node.args[2:3] == ("replicate",) and _is_for_pools(node)
    ]
    if not found:
        return program
    for node in found:
        node.target, node.args = _aten.constant_pad_nd.default, (*node.args[:2], _LEAST)
    return edit.program()


def _is_for_pools(pad: fx.Node) -> bool:
    is_float = pad.meta["val"].is_floating_point()
    return is_float and bool(pad.users) and all(user.target is _POOL and _sees_no_pad(user, pad) for user in pad.users)


def _sees_no_pad(pool: fx.Node, pad: fx.Node) -> bool:
    """Whether every window that holds a repeated number holds the border as well, along both axes."""
    arguments: list[Any] = [*pool.args[1:], *[None] * 5][:5]
    kernel, stride, padding, dilation, ceil = arguments
    plain = (_pair(padding or 0), _pair(dilation or 1), bool(ceil)) == ((0, 0), (1, 1), False)
    amounts: Any = pad.args[1]
    value: Any = pad.args[0]
    if not plain or len(amounts) != 4:
        return False
    axes = zip(
        value.meta["val"].shape[2:],
        pool.meta["val"].shape[2:],
        (amounts[2:4], amounts[0:2]),
        _pair(kernel),
        _pair(stride or kernel),
        strict=True,
    )
    return all(
        isinstance(size, int) and before < width and (count - 1) * step - before < size
        for size, count, (before, _), width, step in axes
    )


def _pair(given: Any) -> tuple[int, int]:
    values = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    return values * 2 if len(values) == 1 else values
