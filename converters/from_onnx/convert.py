"""Makes artifacts of a model's ONNX graph, by way of a torch program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import torch

from ..artifact import Artifact
from ..errors import ConversionError
from ..finish import finish
from ..from_torch import executorch, torchscript
from ..from_torch.lowering import Lowering
from ..from_torch.program import TorchProgram
from ..job import ConvertJob, Layout
from ..layouts import layouts_of
from ..tensors import read_calls
from ..versions import versions_of
from ..worker.stages import stage
from .module import module_from_onnx


def convert_torchscript(job: ConvertJob) -> Artifact:
    """Make the TorchScript artifact of the graph at `job.onnx_graph`; raises ConversionError."""
    return _convert(job, torchscript.lower, ("torch", "onnx"))


def convert_executorch(job: ConvertJob) -> Artifact:
    """Make the ExecuTorch artifact of the graph at `job.onnx_graph`; raises ConversionError."""
    return _convert(
        job,
        lambda program: executorch.lower(program.exported, program.signature, backend=job.backend),
        ("torch", "executorch", "onnx"),
    )


def _convert(job: ConvertJob, lower: Callable[[TorchProgram], Lowering], tools: tuple[str, ...]) -> Artifact:
    program = _program(job)
    lowering = lower(program)
    return finish(
        job,
        lowering.payload,
        backend=lowering.backend,
        route=(str(job.source.framework), "tf2onnx", "onnx", "torch.export", job.format),
        notes=lowering.notes,
        layouts=program.layouts,
        signature=program.signature,
        made_by=versions_of(*tools),
    )


def _program(job: ConvertJob) -> TorchProgram:
    """The graph as a program; it was made by way of TensorFlow, so its images are NHWC."""
    if job.onnx_graph is None:
        raise ConversionError("no ONNX graph was made of this model", fix="report this as a bug")
    with stage("load"):
        module = module_from_onnx(onnx.load(job.onnx_graph)).eval().requires_grad_(requires_grad=False)
    call = next(read_calls(Path(job.examples)))
    tensors = tuple(torch.from_numpy(call[spec.name]) for spec in job.signature.inputs)
    layouts = layouts_of(job.signature, job.options, of_source=Layout.NHWC)
    return TorchProgram(module, tensors, job.signature, layouts)
