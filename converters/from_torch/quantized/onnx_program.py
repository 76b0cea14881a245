"""What of a quantised program is rewritten before the ONNX exporter sees it."""

from __future__ import annotations

from dataclasses import replace

from torch.export import ExportedProgram

from .decisions import spared_for
from .drop_redundant_clips import drop_redundant_clips
from .integer_biases import integer_biases
from .linear_as_products import linear_as_products
from .room_for_biases import room_for_biases
from .spare_measured import Spared

_PASSES = (room_for_biases, drop_redundant_clips, linear_as_products, integer_biases)


def quantised_for_onnx(program: ExportedProgram) -> Spared:
    """The program in the forms that ONNX Runtime computes in integers; each pass says which."""
    spared = spared_for("onnx", program)
    program = spared.program
    for rewrite in _PASSES:
        program = rewrite(program)
    return replace(spared, program=program)
