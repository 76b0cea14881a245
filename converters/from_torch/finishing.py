"""Writes the artifact of a lowered program, once it is shown to compute in the numbers that it is named for."""

from __future__ import annotations

from ..artifact import Artifact
from ..finish import finish
from ..job import ConvertJob
from ..quantization.proof import require_integers
from .hazards import hazard_notes
from .lowering import Lowering
from .program import TorchProgram


def finish_program(
    job: ConvertJob, program: TorchProgram, lowering: Lowering, *, route: tuple[str, ...], made_by: dict[str, str]
) -> Artifact:
    """The artifact; raises QuantizationError for one that is called int8 and computes in float."""
    quantization = program.quantization
    proof = () if quantization is None else require_integers(lowering.execution, quantization.recipe, lowering.spared)
    return finish(
        job,
        lowering.payload,
        backend=lowering.backend,
        route=route,
        notes=(*lowering.notes, *proof, *hazard_notes(job, program, lowering.payload)),
        layouts=program.layouts,
        signature=program.signature,
        made_by=made_by,
        execution=lowering.execution,
    )
