"""Tries a quantised program beside the float one on the same calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch.export import ExportedProgram

from ...quantization.cost import CostMeter
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
    module = program.module(check_guards=False)

    def run(call: Tensors) -> Outputs:
        with torch.no_grad():
            return [value.detach().numpy() for value in module(*call)]

    return run
