"""The quantised program as integer kernels compute it, for the simulation that artifacts are compared with."""

from __future__ import annotations

from torch.export import ExportedProgram

from ...precision import Precision
from .decisions import decided_for
from .integer_biases import integer_biases
from .room_for_biases import room_for_biases


def simulated_for(format_name: str, program: ExportedProgram, precision: Precision) -> ExportedProgram:
    """The program that rounds where an artifact of that format rounds."""
    decided = decided_for(format_name, program)
    # Kernels for activations in 16 bits have biases of 64, which are as good as float.
    return decided if precision is Precision.INT16X8 else as_kernels_compute(decided)


def as_kernels_compute(program: ExportedProgram) -> ExportedProgram:
    """The program with the biases of integer layers rounded to int32 steps, as every format's kernels have them.

    Run in float32, mtcnn_pnet then gives every integer that ONNX Runtime gives; with float biases some of its integers
    lie up to six steps away.
    """
    return integer_biases(room_for_biases(program))
