"""Brings what other frameworks write with torch's operators into the form that torch models have."""

from __future__ import annotations

from torch.export import ExportedProgram

from .dense_as_linear import dense_as_linear
from .drop_assertions import drop_assertions
from .drop_layout_clones import drop_layout_clones
from .fold_affine_maps import fold_affine_maps
from .fold_constants import fold_constants
from .gather_prelu import gather_prelu
from .out_of_place import out_of_place
from .pad_for_max_pools import pad_for_max_pools
from .sink_permutations import sink_permutations

_PASSES = (
    drop_assertions,
    out_of_place,
    fold_constants,
    drop_layout_clones,
    sink_permutations,
    pad_for_max_pools,
    gather_prelu,
    dense_as_linear,
    fold_affine_maps,
)


def plain_form(program: ExportedProgram) -> ExportedProgram:
    """The program with its images turned once, its norms and biases in their layers, and no operator in place."""
    for rewrite in _PASSES:
        program = rewrite(program)
    return program
