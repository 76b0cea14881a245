"""ExecuTorch's documented recipe for XNNPACK: PT2E quantisation of torchao with XNNPACKQuantizer."""

from __future__ import annotations

from pathlib import Path

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from executorch.exir import to_edge_transform_and_lower
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
    quantizer = XNNPACKQuantizer().set_global(scheme)
    prepared = prepare_pt2e(torch.export.export(module, real[0]).module(), quantizer)
    with torch.no_grad():
        for call in real[:1] if dynamic else real:  # one call tells a dynamic scheme all it asks for
            prepared(*call)
    converted = convert_pt2e(prepared)
    program = to_edge_transform_and_lower(
        torch.export.export(converted, real[0]), partitioner=[XnnpackPartitioner()]
    ).to_executorch()
    Path(order.path).write_bytes(program.buffer)
