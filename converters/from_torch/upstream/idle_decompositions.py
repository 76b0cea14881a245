"""Leaves out decompositions that would decompose nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any
from unittest.mock import patch

from torch import fx
from torch.export import ExportedProgram

_FUNCTIONAL = "edgeproof_functional"
_SETTLED = "edgeproof_settled"


@contextmanager
def idle_decompositions() -> Generator[None]:
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
        _settle(made.graph_module, decomp_table)
        return made

    with patch.object(ExportedProgram, "run_decompositions", run_if_needed):
        yield


def _nodes(module: fx.GraphModule) -> Iterator[fx.Node]:
    for child in module.modules():
        if isinstance(child, fx.GraphModule):
            yield from child.graph.nodes


def _settle(module: fx.GraphModule, table: Any) -> None:
    """Remember which decomposition left a node as it is: not every operator in a table can be decomposed."""
    for node in _nodes(module):
        if table is not None and node.op == "call_function" and node.target in table:
            node.meta[_SETTLED] = table[node.target]


def _needed(module: fx.GraphModule, table: Any) -> bool:
    return any(_is_unfinished(node, table) for node in _nodes(module) if node.op == "call_function")


def _is_unfinished(node: fx.Node, table: Any) -> bool:
    """A node that a trace would turn into others: in the table, a Python function, or without a value yet."""
    if isinstance(node.target, FunctionType) or (node.users and "val" not in node.meta):
        return True
    return node.target in table and node.meta.get(_SETTLED) is not table[node.target]
