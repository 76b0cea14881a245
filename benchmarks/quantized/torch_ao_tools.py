"""torch.ao's quantisation as torch's documentation shows it, traced to TorchScript."""

from __future__ import annotations

import torch
from torch import nn
from torch.ao.quantization import get_default_qconfig_mapping, quantize_dynamic
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

from .making import Order
from .torch_source import Flat, Tensors, calls, load

_DYNAMIC = {nn.Linear, nn.LSTM, nn.GRU, nn.LSTMCell, nn.GRUCell}


def dynamic(**values: object) -> None:
    """Linear and recurrent layers."""
    order = Order.of(values)
    (call,) = calls(order.calibration, order.shapes)[:1]
    _trace(quantize_dynamic(load(order.name), _DYNAMIC, dtype=torch.qint8), call, order.path)


def static(**values: object) -> None:
    """FX graph mode with the mapping for this processor."""
    order = Order.of(values)
    real = calls(order.calibration, order.shapes)
    engine = "x86" if "x86" in torch.backends.quantized.supported_engines else "qnnpack"
    torch.backends.quantized.engine = engine
    prepared = prepare_fx(load(order.name), get_default_qconfig_mapping(engine), real[0])
    with torch.no_grad():
        for call in real:
            prepared(*call)
    _trace(convert_fx(prepared), real[0], order.path)


def _trace(module: nn.Module, call: Tensors, path: str) -> None:
    with torch.no_grad():
        torch.jit.save(torch.jit.trace(Flat(module), call), path)
