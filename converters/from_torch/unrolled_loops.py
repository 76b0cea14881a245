"""Says which loops of recurrent cells an artifact holds unrolled, and refuses those that are too long."""

from __future__ import annotations

from torch.export import ExportedProgram

from ..errors import ConversionError
from .passes.reroll_cells import cells_in_chains
from .source_lines import line_of

_MOST_STEPS = 512


def told_unrolled(program: ExportedProgram, *, at_most: int | None = _MOST_STEPS) -> tuple[str, ...]:
    """A note if a loop of cells could not be made one layer; conversion time and file size grow with its steps.

    Raises ConversionError beyond `at_most` steps, where lowering takes minutes; None is for formats that trace.
    """
    cells = cells_in_chains(program)
    if not cells:
        return ()
    steps = len(cells)
    where = line_of(cells[0])
    if at_most is not None and steps > at_most:
        raise ConversionError(
            f"{steps} steps of a recurrent cell{where} cannot be made one loop, and at most {at_most} are unrolled",
            fix="let the cell go through the steps of one tensor, each feeding nothing but the next, or use the layer",
        )
    return (f"{steps} steps of a recurrent cell{where} stay unrolled: conversion time and size grow with them",)
