"""Programs to lower, and what the upstream tools make of them without our passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower
from executorch.runtime import Runtime
from torch.export import ExportedProgram

from edgeproof.converters.from_torch.litert_flatbuffer import flatbuffer
from edgeproof.converters.from_torch.upstream.shortcuts import shortcuts
from edgeproof.converters.signature import Dim, Signature, TensorSpec

Tensors = Sequence[torch.Tensor]


class Flat(torch.nn.Module):
    """Any function of modules and tensors as a module that returns a tuple."""

    def __init__(self, function: Callable[..., Any], *parts: torch.nn.Module) -> None:
        super().__init__()
        self.function = function
        self.parts = torch.nn.ModuleList(parts)

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        result = self.function(*self.parts, *tensors)
        return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def exported(module: torch.nn.Module, inputs: Tensors, dynamic: Any = None) -> ExportedProgram:
    with torch.no_grad():
        return torch.export.export(module.eval(), tuple(inputs), dynamic_shapes=dynamic, strict=False)


def signature_of(inputs: Tensors, outputs: Tensors, dims: Sequence[Dim] = ()) -> Signature:
    """Static specs called in_0, in_1 ... and out_0, out_1 ..."""
    return Signature(inputs=_specs("in", inputs), outputs=_specs("out", outputs), dims=tuple(dims))


def _specs(stem: str, tensors: Tensors) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name=f"{stem}_{index}", dtype=str(tensor.dtype).removeprefix("torch."), shape=tuple(tensor.shape))
        for index, tensor in enumerate(tensors)
    )


def upstream_executorch(program: ExportedProgram) -> bytes:
    """ExecuTorch's own recipe: to_edge_transform_and_lower for XNNPACK."""
    config = EdgeCompileConfig(_check_ir_validity=False)
    with shortcuts():
        edge = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()], compile_config=config)
        return bytes(edge.to_executorch().buffer)


def upstream_litert(program: ExportedProgram, signature: Signature) -> bytes:
    """litert-torch's own recipe, with our names."""
    with shortcuts(), torch.no_grad():
        return flatbuffer(program, signature)


def run_executorch(payload: bytes, inputs: Tensors) -> list[torch.Tensor]:
    method = Runtime.get().load_program(payload).load_method("forward")
    assert method is not None
    return list(method.execute(list(inputs)))


def run_litert(payload: bytes, inputs: Tensors) -> list[torch.Tensor]:
    runner = Interpreter(model_content=payload).get_signature_runner()
    named = {f"in_{index}": tensor.numpy() for index, tensor in enumerate(inputs)}
    outputs = runner(**{name: named[name] for name in runner.get_input_details()})
    return [torch.from_numpy(np.asarray(outputs[f"out_{index}"])) for index in range(len(outputs))]


def largest_difference(expected: Tensors, got: Tensors) -> float:
    """Over all outputs, relative to each output's largest value; infinite if shapes or dtypes differ."""
    if [(value.shape, value.dtype) for value in expected] != [(value.shape, value.dtype) for value in got]:
        return float("inf")
    pairs = [(one.double(), other.double()) for one, other in zip(expected, got, strict=True)]
    return max(float((one - other).abs().max() / one.abs().max().clamp(min=1e-30)) for one, other in pairs)
