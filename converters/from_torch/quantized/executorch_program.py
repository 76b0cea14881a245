"""What of a quantised program is rewritten before ExecuTorch's exporter sees it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from torch.export import ExportedProgram

from .decisions import spared_for
from .drop_redundant_clips import drop_redundant_clips
from .fold_stored_weights import fold_stored_weights
from .measure_for_each import measure_for_each
from .own_dequantizers import own_dequantizers
from .room_for_biases import room_for_biases
from .spare_measured import Spared


def quantised_for_executorch(program: ExportedProgram) -> tuple[Spared, tuple[str, ...]]:
    """The program in the forms that XNNPACK computes in integers, each pass says which; and notes for the user."""
    spared = spared_for("executorch", program)
    program, folded = fold_stored_weights(measure_for_each(spared.program))
    for rewrite in (room_for_biases, drop_redundant_clips, own_dequantizers):
        program = rewrite(program)
    return replace(spared, program=program), _told(folded)


def _told(folded: tuple[str, ...]) -> tuple[str, ...]:
    if not folded:
        return ()
    listed = ", ".join(f"{name} ({count})" for name, count in sorted(Counter(folded).items()))
    return (f"stored in float, because XNNPACK multiplies floats with constant floats alone: {listed}",)
