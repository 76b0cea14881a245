"""What of a quantised program is rewritten before ExecuTorch's exporter sees it."""

from __future__ import annotations

from torch.export import ExportedProgram

from .drop_redundant_clips import drop_redundant_clips
from .matrices_as_linear import matrices_as_linear
from .own_dequantizers import own_dequantizers
from .room_for_biases import room_for_biases

_PASSES = (room_for_biases, drop_redundant_clips, own_dequantizers)


def decided_for_executorch(program: ExportedProgram) -> ExportedProgram:
    """The quantised program that an ExecuTorch artifact computes."""
    return matrices_as_linear(program)


def quantised_for_executorch(program: ExportedProgram) -> ExportedProgram:
    """That program in the forms that XNNPACK computes in integers; each pass says which."""
    program = decided_for_executorch(program)
    for rewrite in _PASSES:
        program = rewrite(program)
    return program
