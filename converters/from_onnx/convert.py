"""Makes artifacts of a model's ONNX graph, by way of a torch program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import torch

from ..artifact import Artifact
from ..errors import ConversionError
from ..from_torch import executorch, litert, torchscript
from ..from_torch import onnx as onnx_format
from ..from_torch.finishing import finish_program
from ..from_torch.lowering import Lowering
from ..from_torch.program import TorchProgram
from ..from_torch.quantization.jobs import quantize_program, simulate_program
from ..from_torch.truth import truth_of
from ..job import ConvertJob, Layout, Quantized, QuantizeJob, RunResult, SimulateJob, TruthJob
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
        lambda program: executorch.lower(program.to_lower(), program.signature, backend=job.backend),
        ("torch", "executorch", "onnx"),
    )


def convert_onnx(job: ConvertJob) -> Artifact:
    """Make another ONNX artifact of the graph at `job.onnx_graph`, in its precision; raises ConversionError."""
    return _convert(job, onnx_format.lower, ("torch", "onnx", "onnxscript"))


def convert_litert(job: ConvertJob) -> Artifact:
    """Make the LiteRT artifact of the graph at `job.onnx_graph`, in its precision; raises ConversionError."""
    return _convert(job, litert.lower_program, ("torch", "litert-torch", "onnx"))


def convert_micro_executorch(job: ConvertJob) -> Artifact:
    """Make an ExecuTorch artifact of the graph for the micro edge; raises ConversionError."""
    # Imported here: Arm's tools are where only a worker for the micro edge finds them.
    from ..from_torch.micro.executorch import convert_program  # noqa: PLC0415

    return convert_program(job, program_of(job), route=_route(job))


def convert_micro_litert(job: ConvertJob) -> Artifact:
    """Make a LiteRT artifact of the graph for the micro edge; raises ConversionError."""
    from ..from_torch.micro.litert import convert_program  # noqa: PLC0415 (as above)

    return convert_program(job, program_of(job), route=(*_route(job), "litert-torch"))


def quantize(job: QuantizeJob) -> Quantized:
    """Write the recipe of the graph at `job.program.onnx_graph`."""
    return quantize_program(program_of(job.program), job)


def simulate(job: SimulateJob) -> RunResult:
    """Run the program that the graph's artifacts are made of on stored calls."""
    return simulate_program(program_of(job.program), job)


def tell_truth(job: TruthJob) -> RunResult:
    """The truth about a model by way of its graph."""
    return truth_of(program_of(job.program), job)


def _convert(job: ConvertJob, lower: Callable[[TorchProgram], Lowering], tools: tuple[str, ...]) -> Artifact:
    program = program_of(job)
    lowering = lower(program)
    return finish_program(
        job,
        program,
        lowering,
        route=(*_route(job), job.format),
        made_by=versions_of(*tools),
    )


def _route(job: ConvertJob) -> tuple[str, ...]:
    return (str(job.source.framework), "tf2onnx", "onnx", "torch.export")


def program_of(job: ConvertJob) -> TorchProgram:
    """The graph as a program; it was made by way of TensorFlow, so its images are NHWC."""
    if job.onnx_graph is None:
        raise ConversionError("no ONNX graph was made of this model", fix="report this as a bug")
    with stage("load"):
        module = module_from_onnx(onnx.load(job.onnx_graph)).eval().requires_grad_(requires_grad=False)
    call = next(read_calls(Path(job.examples)))
    tensors = tuple(torch.from_numpy(call[spec.name]) for spec in job.signature.inputs)
    layouts = layouts_of(job.signature, job.options, of_source=Layout.NHWC)
    return TorchProgram(module, tensors, job.signature, layouts).in_precision(job)
