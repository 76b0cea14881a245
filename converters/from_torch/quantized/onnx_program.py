"""What of a quantised program is rewritten before the ONNX exporter sees it."""

from __future__ import annotations

from torch import fx
from torch.export import ExportedProgram

from .drop_redundant_clips import drop_redundant_clips
from .integer_biases import integer_biases
from .linear_as_products import linear_as_products
from .matrices_as_linear import matrices_as_linear
from .room_for_biases import room_for_biases
from .spare_measured import spare_measured

_PASSES = (room_for_biases, drop_redundant_clips, linear_as_products, integer_biases)


def decided_for_onnx(program: ExportedProgram) -> ExportedProgram:
    """The quantised program that an ONNX artifact computes: convolutions read no tensor that is rounded as it runs.

    onnxruntime 1.32 has an operator for those, ConvInteger, which is slower than its convolution in float wherever it
    was measured on whole models: digits_cnn 0.30 ms for 0.06, mtcnn_onet 0.51 for 0.45, crepe_tiny 22 for 3.8
    (https://github.com/microsoft/onnxruntime/issues/12206).
    """
    return spare_measured(matrices_as_linear(program), _is_convolution)


def quantised_for_onnx(program: ExportedProgram) -> ExportedProgram:
    """That program in the forms that ONNX Runtime computes in integers; each pass says which."""
    program = decided_for_onnx(program)
    for rewrite in _PASSES:
        program = rewrite(program)
    return program


def _is_convolution(node: fx.Node) -> bool:
    return "conv" in str(node.target)
