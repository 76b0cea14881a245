"""Small models with one kind of layer each, quantised, and lowered to ONNX, ExecuTorch and LiteRT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import onnxruntime
import torch
from calibrated_programs import calls_like, read_again, wish
from torch import nn
from torch.export import ExportedProgram
from torch_lowering import Flat, exported, run_executorch, run_litert, signature_of

from edgeproof.converters.from_torch import executorch, litert, onnx
from edgeproof.converters.from_torch.litert_integers.lower import lower_quantized
from edgeproof.converters.from_torch.lowering import Lowering
from edgeproof.converters.from_torch.program import TorchProgram
from edgeproof.converters.from_torch.quantization.making import make
from edgeproof.converters.from_torch.quantization.prepare import prepared
from edgeproof.converters.from_torch.quantization.quantization import Quantization
from edgeproof.converters.from_torch.recurrent_shapes import whole_recurrent_layers
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature

Tensors = tuple[torch.Tensor, ...]


@dataclass
class Quantised:
    """What `lower` of ONNX reads of a program."""

    source: ExportedProgram
    quantization: Quantization
    signature: Signature

    def to_lower(self, *, whole_recurrent: bool = False) -> ExportedProgram:
        return self.quantization.quantized(self.source, whole_recurrent=whole_recurrent)

    def onnx(self) -> Lowering:
        return onnx.lower(cast("TorchProgram", self))

    def executorch(self) -> Lowering:
        return executorch.lower(self.to_lower(), self.signature)

    def litert(self) -> Lowering:
        precision = self.quantization.recipe.precision
        return lower_quantized(self.to_lower(), precision, lambda program: litert.lower(program, self.signature))

    def simulation(self, decided: Callable[[ExportedProgram], ExportedProgram], inputs: Tensors) -> list[torch.Tensor]:
        with torch.no_grad():
            return list(decided(self.to_lower()).module(check_guards=False)(*inputs))


def quantised(function: Callable[..., Any], parts: list[nn.Module], inputs: Tensors, precision: Precision) -> Quantised:
    torch.manual_seed(0)
    module = Flat(function, *parts)
    module.requires_grad_(requires_grad=False)
    with torch.no_grad(), whole_recurrent_layers():
        source = exported(module, inputs)
        outputs = source.module()(*inputs)
        calls = read_again([inputs, *calls_like(*inputs, count=3)])
        quantization = make(prepared(source), calls, wish(precision, outputs=len(outputs)))
    return Quantised(source=source, quantization=quantization, signature=signature_of(inputs, outputs))


def run_onnx(payload: bytes, inputs: Tensors) -> list[torch.Tensor]:
    session = onnxruntime.InferenceSession(payload)
    feeds = {value.name: tensor.numpy() for value, tensor in zip(session.get_inputs(), inputs, strict=True)}
    return [torch.from_numpy(np.asarray(output)) for output in session.run(None, feeds)]


def run(format_name: str, payload: bytes, inputs: Tensors) -> list[torch.Tensor]:
    runs = {"onnx": run_onnx, "executorch": run_executorch, "litert": run_litert}
    return runs[format_name](payload, inputs)
