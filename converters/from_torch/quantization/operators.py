"""The operators that a quantised program is written with, and what is told from them."""

from __future__ import annotations

from typing import Any

import torch
import torch.ao.quantization.fx._decomposed  # pyright: ignore[reportUnusedImport] (it registers the operators below)
from torch import fx
from torch.export import ExportedProgram

_quantized = torch.ops.quantized_decomposed

INT8_MIN, INT8_MAX = -128, 127
WEIGHT_MAX = 127  # weights are symmetric
NAMESPACE = "quantized_decomposed"
SMALLEST_STEP = torch.finfo(torch.float32).eps

QUANTIZE: Any = _quantized.quantize_per_tensor.default
DEQUANTIZE: Any = _quantized.dequantize_per_tensor.default
DEQUANTIZE_CHANNELS: Any = _quantized.dequantize_per_channel.default
CHOOSE: Any = _quantized.choose_qparams.tensor
QUANTIZE_CHOSEN: Any = _quantized.quantize_per_tensor.tensor
DEQUANTIZE_CHOSEN: Any = _quantized.dequantize_per_tensor.tensor
DEQUANTIZERS = frozenset({DEQUANTIZE, DEQUANTIZE_CHANNELS, DEQUANTIZE_CHOSEN})


def is_quantized(program: ExportedProgram) -> bool:
    """Whether anything in the program is stored or computed in integers with a scale."""
    return any(belongs(node) for node in program.graph.nodes)


def belongs(node: fx.Node) -> bool:
    """Whether a node converts between integers and the real numbers that they stand for."""
    target = node.target
    return isinstance(target, torch._ops.OpOverload) and target.namespace == NAMESPACE
