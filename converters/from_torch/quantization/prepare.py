"""The form of a program that is quantised: constants and batch norms folded, recurrent layers as loops."""

from __future__ import annotations

import hashlib

from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import constants_of
from ..passes.contiguous_constants import contiguous_constants
from ..passes.drop_assertions import drop_assertions
from ..passes.fold_batch_norms import fold_batch_norms
from ..passes.plain_form import plain_form
from ..passes.recurrent_to_scan import recurrent_to_scan
from ..passes.spell_out_cells import spell_out_cells


def prepared(program: ExportedProgram, *, whole_recurrent: bool = False) -> ExportedProgram:
    """The program that a recipe speaks of.

    `whole_recurrent` leaves LSTM and GRU layers as one operator each, as ONNX wants them; all other nodes are called
    the same either way.
    """
    program = drop_assertions(program)
    program = program if whole_recurrent else recurrent_to_scan(program)
    for rewrite in (spell_out_cells, plain_form, fold_batch_norms, contiguous_constants):
        program = rewrite(program)
    return program


def fingerprint_of(program: ExportedProgram) -> str:
    """SHA-256 of a prepared program's operators, loops' bodies and constants: a recipe fits one program alone."""
    found = hashlib.sha256()
    for part in program.graph_module.modules():
        for node in part.graph.nodes if isinstance(part, fx.GraphModule) else ():
            found.update(f"{node.op} {node.name} {node.target} {node.args} {node.kwargs};".encode())
    for name, value in sorted(constants_of(program).items()):
        found.update(f"{name}{value.dtype}{tuple(value.shape)}".encode())
        found.update(value.detach().contiguous().reshape(-1).cpu().numpy().tobytes())
    return found.hexdigest()
