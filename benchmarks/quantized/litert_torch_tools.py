"""litert-torch's own PT2E quantizer as its documentation shows it."""

from __future__ import annotations

import litert_torch
import torch
from litert_torch.quantize.pt2e_quantizer import PT2EQuantizer, get_symmetric_quantization_config
from litert_torch.quantize.quant_config import QuantConfig
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

from .making import Order
from .torch_source import Flat, calls, load


def static(**values: object) -> None:
    """A scale per channel for weights, ranges of activations from the calibration calls."""
    _make(Order.of(values), dynamic=False)


def dynamic(**values: object) -> None:
    """A scale per channel for weights, ranges of activations measured in each call."""
    _make(Order.of(values), dynamic=True)


def _make(order: Order, *, dynamic: bool) -> None:
    module, real = Flat(load(order.name)), calls(order.calibration, order.shapes)
    scheme = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=dynamic)
    quantizer = PT2EQuantizer().set_global(scheme)
    prepared = prepare_pt2e(torch.export.export(module, real[0]).module(), quantizer)
    with torch.no_grad():
        for call in real[:1] if dynamic else real:  # one call tells a dynamic scheme all it asks for
            prepared(*call)
    converted = convert_pt2e(prepared, fold_quantize=False)
    made = litert_torch.convert(converted, real[0], quant_config=QuantConfig(pt2e_quantizer=quantizer))
    made.export(order.path)
