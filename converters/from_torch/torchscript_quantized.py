"""Quantised programs to TorchScript, with what was proved about the kernels that run."""

from __future__ import annotations

from torch.export import ExportedProgram

from .lowering import Lowering
from .quantized.decisions import spared_for
from .quantized.room_for_biases import room_for_biases
from .torchscript_archive import archive_of
from .torchscript_engine import exact_engine, exact_integers
from .torchscript_execution import accounts_of, execution_of
from .torchscript_integers import with_integers
from .torchscript_scan import flat_module, script_flat
from .upstream.fresh_type_names import fresh_type_names


def lower_quantized(program: ExportedProgram) -> Lowering:
    """The TorchScript of a quantised program; raises ConversionError."""
    spared = spared_for("torchscript", program)
    program = room_for_biases(spared.program)
    with exact_integers(), fresh_type_names():
        module = with_integers(flat_module(program))
        accounts = accounts_of(module)
        scripted = script_flat(module, program)
        execution = execution_of(scripted, accounts)
        payload = archive_of(scripted)
        return Lowering(payload=payload, backend="torch", execution=execution, notes=_notes(), spared=spared.reasons)


def _notes() -> tuple[str, ...]:
    told = (
        f'integer kernels: set torch.backends.quantized.engine = "{exact_engine()}" before torch.jit.load; "qnnpack"'
        " computes the same on every processor, where fbgemm and oneDNN saturate without VNNI"
    )
    return (told,)
