"""The quantised program as integer kernels compute it, for the simulation that artifacts are compared with."""

from __future__ import annotations

from torch.export import ExportedProgram

from .integer_biases import integer_biases
from .room_for_biases import room_for_biases


def as_kernels_compute(program: ExportedProgram) -> ExportedProgram:
    """The program with the biases of integer layers rounded to int32 steps, as every format's kernels have them.

    Run in float32, mtcnn_pnet then gives every integer that ONNX Runtime gives; with float biases some of its integers
    lie up to six steps away.
    """
    return integer_biases(room_for_biases(program))
