"""PyTorch to LiteRT for Ethos-U: the ordinary int8 file, which Vela compiles; the file before Vela stays beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ...artifact import Artifact
from ...companions import Role
from ...errors import ConversionError, QuantizationError
from ...job import ConvertJob
from ...versions import versions_of
from ...worker.stages import stage
from ..finishing import finish_program
from ..litert import lower_program
from ..lowering import Lowering
from ..program import TorchProgram, program_of
from .executorch import backend_of, write_beside
from .vela import Compiled, compile_litert


def convert(job: ConvertJob) -> Artifact:
    """Make the artifact of a job; raises ConversionError, UnsupportedOperators."""
    return convert_program(job, program_of(job), route=("torch", "torch.export", "litert-torch"))


def convert_program(job: ConvertJob, program: TorchProgram, *, route: tuple[str, ...]) -> Artifact:
    """The same for a program that is there already; `route` says where it came from."""
    backend = backend_of(job)
    if program.signature.dims:
        raise ConversionError(
            "programs for microcontrollers have fixed sizes, and the model has open ones", fix="leave --dynamic out"
        )
    lowering = _lowered(program)
    with stage("vela"):
        compiled = compile_litert(lowering.payload, backend)
    if compiled.estimate.operators_on_npu == 0:
        raise ConversionError(
            f"nothing of the model runs on {backend.name}: {'; '.join(_texts(compiled)) or 'Vela did not say why'}",
            fix="other operators, or a backend that has them",
        )
    told = (f"warning: on the CPU, not on the NPU: {each.text}" for each in compiled.left)
    notes = (*lowering.notes, *told)
    made = finish_program(
        job,
        program,
        replace(lowering, payload=compiled.payload, backend=backend.name, notes=notes),
        route=(*route, "vela"),
        made_by=versions_of("torch", "litert-torch", "ethos-u-vela"),
    )
    before = write_beside(made.file, (Role.BEFORE_VELA, ".before-vela.tflite", lowering.payload))
    return replace(made, companions=(before,), estimate=compiled.estimate)


def _lowered(program: TorchProgram) -> Lowering:
    try:
        return lower_program(program)
    except QuantizationError as error:
        raise QuantizationError(
            error.message, fix="--to executorch, whose quantiser takes more operators, or write the model without them"
        ) from error


def _texts(compiled: Compiled) -> list[str]:
    texts = Counter(f"{left.operator}: {left.reason}" for left in compiled.left)
    return [text + (f" ({count} times)" if count > 1 else "") for text, count in texts.items()]
