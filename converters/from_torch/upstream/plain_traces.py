"""Decomposes programs that change nothing in place with one plain trace."""

from __future__ import annotations

import copy
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import fx
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.fake_tensor import FakeTensor
from torch.export import ExportedProgram, exported_program
from torch.export._trace import _compiling_state_context, _ignore_backend_decomps  # type: ignore[attr-defined]
from torch.fx import traceback
from torch.fx.experimental.proxy_tensor import make_fx

from ..passes.node_writer import fake_mode_of


@contextmanager
def plain_traces() -> Generator[None]:
    """Let run_decompositions trace a program by make_fx alone where that gives the same graph.

    torch 2.13 goes through AOTAutograd: it lifts the state out, runs the program once to learn what it mutates
    and aliases, and traces it through a layer that makes mutation functional. A static program without mutation
    needs none of this; one that turns out to mutate after all goes the long way.
    """
    long_way = exported_program._decompose_exported_program

    def decompose(program: ExportedProgram, **how: Any) -> ExportedProgram:
        made = _traced(program, how["cia_to_decomp"], how["python_decomp_table"]) if _is_plain(program) else None
        return long_way(program, **how) if made is None else made

    with patch.object(exported_program, "_decompose_exported_program", decompose):
        yield


def _is_plain(program: ExportedProgram) -> bool:
    """Static tensors in, tensors out, nothing written to, no loops or branches."""
    inputs = [node.meta.get("val") for node in program.graph.find_nodes(op="placeholder")]
    static = all(isinstance(value, FakeTensor) and not value._has_symbolic_sizes_strides for value in inputs)
    return (
        static
        and len({id(value) for value in inputs}) == len(inputs)
        and not program.graph.find_nodes(op="get_attr")
        and len(program.graph_signature.user_outputs) == len(program.graph_signature.output_specs)
        and not any(_writes(node) for node in program.graph.nodes)
    )


def _writes(node: fx.Node) -> bool:
    if isinstance(node.target, torch._ops.HigherOrderOperator):
        return True
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def _traced(program: ExportedProgram, composites: Any, table: Any) -> ExportedProgram | None:
    """The decomposed program; None if a decomposition writes to something or brings constants along."""
    module = program.graph_module
    inputs = list(module.graph.find_nodes(op="placeholder"))
    interpreter = fx.Interpreter(module)
    with ExitStack() as within:
        within.enter_context(fake_mode_of(module.graph))
        within.enter_context(exported_program._override_composite_implicit_decomp(composites))
        within.enter_context(_ignore_backend_decomps())
        within.enter_context(_compiling_state_context())
        within.enter_context(torch.no_grad())
        within.enter_context(traceback.preserve_node_meta())
        within.enter_context(enable_python_dispatcher())
        trace = make_fx(interpreter.run, decomposition_table=table, record_module_stack=True)
        traced = trace(*(node.meta["val"] for node in inputs))
    traced.graph.eliminate_dead_code()
    if traced.graph.find_nodes(op="get_attr") or any(_writes(node) for node in traced.graph.nodes):
        return None
    return _program_of(program, traced, inputs)


def _program_of(program: ExportedProgram, traced: fx.GraphModule, inputs: list[fx.Node]) -> ExportedProgram:
    """The traced graph with the names and the signature of the program it was traced from."""
    for old, new in zip(inputs, traced.graph.find_nodes(op="placeholder"), strict=True):
        new.name, new.target, new.meta = old.name, old.name, dict(old.meta)
    signature = copy.deepcopy(program.graph_signature)
    output = traced.graph.output_node()
    output.meta.update(program.graph.output_node().meta)
    for spec, node in zip(signature.output_specs, output.args[0], strict=True):  # type: ignore[arg-type]
        spec.arg.name = node.name
    traced.meta.update(program.graph_module.meta)
    calls = exported_program._get_updated_module_call_graph(
        program.graph_module, program.graph_signature, traced, signature, program.module_call_graph
    )
    return ExportedProgram(
        root=traced,
        graph=traced.graph,
        graph_signature=signature,
        state_dict=program.state_dict,
        range_constraints=program.range_constraints,
        module_call_graph=calls,
        example_inputs=program.example_inputs,
        constants=program.constants,
    )
