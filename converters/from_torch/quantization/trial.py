"""Tries a quantised program beside the float one on the same calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import fx
from torch.export import ExportedProgram

from ...quantization.cost import CostMeter
from ...quantization.score import Score, ScoreMeter
from ..passes.constants import ConstantEdit, constants_of
from .operators import DEQUANTIZE, DEQUANTIZE_CHANNELS
from .statistics import Tensors

Outputs = list[np.ndarray]


class Trial:
    """Calls with the float program's outputs, which candidates are compared with; all of it stays in memory."""

    def __init__(
        self, program: ExportedProgram, calls: Iterable[Tensors], names: Sequence[str], score: Score | None = None
    ) -> None:
        self._names = names
        run = runner_of(program)
        self._calls = [(call, run(call)) for call in calls]
        self._score = score

    def __len__(self) -> int:
        return len(self._calls)

    def cost(self, program: ExportedProgram, *, at_most: int | None = None) -> list[CostMeter]:
        """What a quantised program costs each output, on the first `at_most` calls."""
        return self._meters(self._outputs(program, at_most))

    def judged(self, program: ExportedProgram) -> list[CostMeter | ScoreMeter]:
        """The same on all calls, with how far the task's score falls where there is one."""
        if self._score is None:
            return [*self.cost(program)]
        found = list(self._outputs(program))
        fall = self._scored([expected for _, expected in self._calls]) - self._scored(found)
        return [*self._meters(found), ScoreMeter(self._score.function, fall)]

    def _outputs(self, program: ExportedProgram, at_most: int | None = None) -> Iterator[Outputs]:
        run = runner_of(program)
        return (run(call) for call, _ in self._calls[:at_most])

    def _meters(self, found: Iterable[Outputs]) -> list[CostMeter]:
        meters = [CostMeter(name) for name in self._names]
        for (_, expected), actual in zip(self._calls, found, strict=False):
            for meter, reference, other in zip(meters, expected, actual, strict=True):
                meter.add(reference, other)
        return meters

    def _scored(self, outputs: Sequence[Outputs]) -> float:
        assert self._score is not None
        return self._score.of(dict(zip(self._names, each, strict=True)) for each in outputs)


def runner_of(program: ExportedProgram) -> Callable[[Tensors], Outputs]:
    """A function that runs the program on one call."""
    module = with_real_weights(program).module(check_guards=False)

    def run(call: Tensors) -> Outputs:
        with torch.no_grad():
            return [value.detach().numpy() for value in module(*call)]

    return run


def with_real_weights(program: ExportedProgram) -> ExportedProgram:
    """The same program with its integer weights as the numbers they stand for, computed once and not at every call."""
    constants = constants_of(program)
    edit = ConstantEdit(program)
    for node in list(edit.graph.nodes):
        stored = node.args[0] if node.target in {DEQUANTIZE, DEQUANTIZE_CHANNELS} else None
        if isinstance(stored, fx.Node) and stored.name in constants:
            arguments, options = fx.map_arg((node.args, node.kwargs), lambda source: constants[source.name])
            edit.replace(node, edit.add(f"real_{node.name}", node.target(*arguments, **options)))
            edit.graph.erase_node(node)
    edit.drop_unused()
    return edit.program()
