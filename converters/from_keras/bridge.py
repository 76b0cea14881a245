"""Hands a Keras model over as a torch program: the one place where Keras meets the torch converters.

Under the torch backend a keras.Model is an nn.Module, so what torch.export makes of it lowers like any other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from ..artifact import Artifact
from ..errors import EdgeproofError, NeedsTensorFlow, SourceError
from ..from_torch import executorch, litert, onnx, torchscript
from ..from_torch.finishing import finish_program
from ..from_torch.lowering import Lowering
from ..from_torch.passes.plain_form import plain_form
from ..from_torch.program import TorchProgram
from ..from_torch.quantization.jobs import quantize_program, simulate_program
from ..from_torch.truth import truth_of
from ..from_torch.variants import variants_of
from ..hazards import notes_of
from ..job import ConvertJob, ConvertOptions, Layout, Quantized, QuantizeJob, RunResult, SimulateJob, TruthJob
from ..layouts import layouts_of
from ..signature import Signature
from ..source import Source
from ..tensors import read_calls
from ..versions import versions_of
from ..worker.stages import stage
from .flatten import FlatModel
from .hazards import hazards_of_backend
from .live import open_source
from .torch_rnn import keep_recurrent_layers_whole

_ROUTE = ("keras", "torch backend", "torch.export")


class KerasModule(torch.nn.Module):
    """A Keras model as a module of flat tensors."""

    def __init__(self, flat: FlatModel, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.module = flat.model
        self._flat = flat
        self._outputs = outputs

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The outputs that were asked for, in that order."""
        return self._flat.call_in_order(tensors, self._outputs)


class KerasProgram(TorchProgram):
    """The program of a Keras model under the torch backend, in the form that torch models have."""

    @property
    def exported(self) -> torch.export.ExportedProgram:
        """As of a torch model, and with its images turned once and not at every layer."""
        return self._plain

    @functools.cached_property
    def _plain(self) -> torch.export.ExportedProgram:
        return plain_form(self.source_program)


def convert_torchscript(job: ConvertJob) -> Artifact:
    """Make the TorchScript artifact of a Keras model; NeedsTensorFlow if the torch backend cannot hold it."""
    return _convert(job, torchscript.lower, "torchscript", ("keras", "torch"))


def convert_executorch(job: ConvertJob) -> Artifact:
    """Make the ExecuTorch artifact of a Keras model; NeedsTensorFlow if the torch backend cannot hold it."""
    return _convert(
        job,
        lambda program: executorch.lower(program.to_lower(), program.signature, backend=job.backend),
        "executorch",
        ("keras", "torch", "executorch"),
    )


def convert_onnx(job: ConvertJob) -> Artifact:
    """Make an ONNX artifact of a Keras model's torch program; NeedsTensorFlow if the torch backend cannot hold it."""
    return _convert(job, onnx.lower, "onnx", ("keras", "torch", "onnx", "onnxscript"))


def convert_litert(job: ConvertJob) -> Artifact:
    """Make a LiteRT artifact of a Keras model's torch program; NeedsTensorFlow if the torch backend cannot hold it."""
    return _convert(job, litert.lower_program, "litert-torch", ("keras", "torch", "litert-torch"))


def convert_micro_executorch(job: ConvertJob) -> Artifact:
    """Make an ExecuTorch artifact for the micro edge; NeedsTensorFlow if the torch backend cannot hold the model."""
    # Imported here: Arm's tools are where only a worker for the micro edge finds them.
    from ..from_torch.micro.executorch import convert_program  # noqa: PLC0415

    return convert_program(job, program_of(job), route=_ROUTE)


def convert_micro_litert(job: ConvertJob) -> Artifact:
    """Make a LiteRT artifact for the micro edge; NeedsTensorFlow if the torch backend cannot hold the model."""
    from ..from_torch.micro.litert import convert_program  # noqa: PLC0415 (as above)

    return convert_program(job, program_of(job), route=(*_ROUTE, "litert-torch"))


def quantize(job: QuantizeJob) -> Quantized:
    """Write the recipe of a Keras model; NeedsTensorFlow if the torch backend cannot hold it."""
    return quantize_program(program_of(job.program), job)


def simulate(job: SimulateJob) -> RunResult:
    """Run the program that a Keras model's artifacts are made of on stored calls."""
    return simulate_program(program_of(job.program), job)


def tell_truth(job: TruthJob) -> RunResult:
    """The truth about a Keras model; NeedsTensorFlow if the torch backend cannot hold it."""
    return truth_of(program_of(job.program), job)


def _convert(
    job: ConvertJob, lower: Callable[[TorchProgram], Lowering], format_name: str, tools: tuple[str, ...]
) -> Artifact:
    program = program_of(job)
    with stage("lower"):
        lowering = lower(program)
    unlike = notes_of(hazards_of_backend(variants_of(program.source_program)))
    return finish_program(
        job,
        program,
        replace(lowering, notes=(*lowering.notes, *unlike)),
        route=(*_ROUTE, format_name),
        made_by=versions_of(*tools),
    )


def program_of(job: ConvertJob) -> TorchProgram:
    """The model under the torch backend, exported; whatever goes wrong so far means that it needs TensorFlow."""
    keep_recurrent_layers_whole()
    try:
        if job.fingerprint is not None and open_source(job.source).fingerprint != job.fingerprint:
            raise SourceError("its factory builds other weights there", fix="let it load trained weights")
        program = _built(job.source, job.signature, job.examples, job.options)
        program.exported  # noqa: B018  (made here, so that a failure is told apart from one of lowering)
    except EdgeproofError as error:
        raise NeedsTensorFlow(_why(error), fix="convert through the model's ONNX graph") from error
    return program.in_precision(job)


@functools.lru_cache(maxsize=1)
def _built(source: Source, signature: Signature, examples: str, options: ConvertOptions) -> TorchProgram:
    """Jobs on the same source share one program within a worker."""
    call = next(read_calls(Path(examples)))
    tensors = tuple(torch.from_numpy(call[spec.name]) for spec in signature.inputs)
    outputs = tuple(spec.name for spec in signature.outputs)
    module = KerasModule(open_source(source).flat, outputs).eval().requires_grad_(requires_grad=False)
    return KerasProgram(module, tensors, signature, layouts_of(signature, options, of_source=Layout.NHWC))


def _why(error: EdgeproofError) -> str:
    cause = error.__cause__
    if isinstance(cause, ModuleNotFoundError) and (cause.name or "").partition(".")[0] == "tensorflow":
        return "the model's own code imports TensorFlow"
    return f"the torch backend of Keras cannot hold this model: {error.message}"
