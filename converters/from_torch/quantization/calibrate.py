"""Runs calibration calls through a prepared program and observes its tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ...quantization.observers import Histogram
from ..passes.constants import constants_of

Tensors = tuple[torch.Tensor, ...]


def observed(program: ExportedProgram, calls: Iterable[Tensors], names: Iterable[str]) -> dict[str, Histogram]:
    """What the named tensors were over all calls; one call is in memory at a time."""
    watching = _Watching(program, names)
    with torch.no_grad():
        for call in calls:
            watching.run(*arguments_of_graph(program, call))
    return watching.seen


def arguments_of_graph(program: ExportedProgram, call: Tensors) -> Iterator[Any]:
    """The graph's own arguments: what the program carries, then the call."""
    given = iter(call)
    constants = constants_of(program)
    for node in program.graph.find_nodes(op="placeholder"):
        yield constants[node.name] if node.name in constants else next(given)


class _Watching(fx.Interpreter):
    def __init__(self, program: ExportedProgram, names: Iterable[str]) -> None:
        super().__init__(program.graph_module)
        self.seen = {name: Histogram() for name in names}

    def run_node(self, n: fx.Node) -> Any:
        """The node's value, counted if it is watched."""
        value = super().run_node(n)
        if n.name in self.seen and isinstance(value, torch.Tensor):
            self.seen[n.name].add(value.detach().numpy())
        return value
