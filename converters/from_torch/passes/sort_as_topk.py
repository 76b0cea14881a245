"""Sorts by taking as many of the largest (or smallest) elements as there are."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .node_writer import ProgramEdit

_aten = torch.ops.aten
_SORTS = (_aten.sort.default, _aten.sort.stable)


def sort_as_topk(program: ExportedProgram) -> ExportedProgram:
    """Replace an unstable sort by topk; equal elements may come in another order, as torch.sort allows.

    executorch 1.5.1 has no kernel for sort (error 0x14 when the program is loaded), and litert-torch 0.10.0
    makes an operator of it that no runtime has (STABLEHLO_SORT).
    """
    edit = ProgramEdit(program)
    for target in _SORTS:
        for node in edit.graph.find_nodes(op="call_function", target=target):
            axis, descending, stable = _options(node)
            size = node.args[0].meta["val"].shape
            if stable or not size or not isinstance(size[axis], int):
                continue
            with edit.graph.inserting_before(node):
                writer = edit.writer(node)
                taken = writer.call(_aten.topk.default, node.args[0], size[axis], axis, descending, True)
            node.replace_all_uses_with(taken)
            edit.graph.erase_node(node)
    return edit.program()


def _options(node: fx.Node) -> tuple[int, bool, bool]:
    """Axis, descending and stable of either overload."""
    given: dict[str, Any] = {"dim": -1, "descending": False, "stable": False}
    names = [argument.name for argument in node.target._schema.arguments]  # type: ignore[union-attr]
    given.update(zip(names, node.args, strict=False), **node.kwargs)
    return int(given["dim"]), bool(given["descending"]), bool(given["stable"])
