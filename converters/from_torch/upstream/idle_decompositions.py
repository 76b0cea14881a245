"""Leaves out decompositions that would decompose nothing."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any
from unittest.mock import patch

from torch import fx
from torch.export import ExportedProgram

_FUNCTIONAL = "edgeproof_functional"


@contextmanager
def idle_decompositions() -> Iterator[None]:
    """Let run_decompositions return its program where a trace would only make the same graph again.

    That is so when an earlier run_decompositions made the graph (so that it is functional) and none of its
    operators is in the table. executorch 1.5.1 asks for three traces in a row, of which one does the work.
    """
    run = ExportedProgram.run_decompositions

    def run_if_needed(program: ExportedProgram, decomp_table: Any = None, **options: Any) -> ExportedProgram:
        is_functional = program.graph_module.meta.get(_FUNCTIONAL, False)
        if is_functional and decomp_table is not None and not _needed(program.graph_module, decomp_table):
            return program
        made = run(program, decomp_table, **options)
        made.graph_module.meta[_FUNCTIONAL] = True
        return made

    with patch.object(ExportedProgram, "run_decompositions", run_if_needed):
        yield


def _needed(module: fx.GraphModule, table: Container[Any]) -> bool:
    children = (child for child in module.modules() if isinstance(child, fx.GraphModule))
    return any(_is_unfinished(node, table) for child in children for node in child.graph.nodes)


def _is_unfinished(node: fx.Node, table: Container[Any]) -> bool:
    """A node that a trace would turn into others: in the table, a Python function, or without a value yet."""
    if node.op != "call_function":
        return False
    return node.target in table or isinstance(node.target, FunctionType) or "val" not in node.meta
