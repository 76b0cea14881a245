"""Tries a quantised program beside the float one on the same calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import fx
from torch.export import ExportedProgram

from ...quantization.cost import CostMeter
from ..passes.constants import ConstantEdit, constants_of
from .operators import DEQUANTIZE, DEQUANTIZE_CHANNELS
from .statistics import Tensors

Outputs = list[np.ndarray]


class Trial:
    """Calls with the float program's outputs, which candidates are compared with; all of it stays in memory."""

    def __init__(self, program: ExportedProgram, calls: Iterable[Tensors], names: Sequence[str]) -> None:
        self._names = names
        run = runner_of(program)
        self._calls = [(call, run(call)) for call in calls]

    def __len__(self) -> int:
        return len(self._calls)

    def cost(self, program: ExportedProgram, *, at_most: int | None = None) -> list[CostMeter]:
        """What a quantised program costs each output, on the first `at_most` calls."""
        run = runner_of(program)
        meters = [CostMeter(name) for name in self._names]
        for call, expected in self._calls[:at_most]:
            for meter, reference, actual in zip(meters, expected, run(call), strict=True):
                meter.add(reference, actual)
        return meters


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
