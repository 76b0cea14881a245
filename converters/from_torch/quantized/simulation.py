"""The quantised program as integer kernels compute it, for the simulation that artifacts are compared with."""

from __future__ import annotations

from torch.export import ExportedProgram

from ...precision import Precision
from .decisions import decided_for
from .integer_biases import integer_biases
from .room_for_biases import room_for_biases


def simulated_for(format_name: str, program: ExportedProgram, precision: Precision) -> ExportedProgram:
    """The program that rounds where an artifact of that format rounds.

    The biases of integer layers are rounded to int32 steps, as kernels have them. Run in float32, mtcnn_pnet then gives
    every integer that ONNX Runtime gives; with float biases some of its integers lie up to six steps away.
    """
    decided = decided_for(format_name, program)
    # Kernels for activations in 16 bits have biases of 64, which are as good as float.
    if precision is Precision.INT16X8:
        return decided
    decided = room_for_biases(decided)
    # torch keeps biases in float beside packed weights, and oneDNN adds them as such.
    return decided if format_name == "torchscript" else integer_biases(decided)
