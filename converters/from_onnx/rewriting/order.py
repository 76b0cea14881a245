"""The order in which the passes run."""

from __future__ import annotations

from dataclasses import replace

from ..graph import Program, names_read
from .dead_code import remove_dead_nodes
from .expanding import expand
from .folding import Compute, fold_constants
from .gelu import keep_gelu
from .identities import remove_identities
from .loop_invariants import hoist_loop_invariants
from .transposes import join_transposes


def rewrite(program: Program, compute: Compute) -> Program:
    """The program simplified, with torch's own layers in place; weights that nothing reads are dropped."""
    weights = dict(program.weights)
    graph = keep_gelu(hoist_loop_invariants(remove_identities(program.graph)), weights)
    graph = fold_constants(graph, weights, compute)
    graph = fold_constants(expand(graph, weights), weights, compute)
    graph = remove_dead_nodes(join_transposes(graph))
    read = names_read(graph.nodes) | set(graph.outputs)
    kept = {name: weight for name, weight in weights.items() if name in read}
    return replace(program, graph=graph, weights=kept)
