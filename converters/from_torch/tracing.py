"""Runs a source's program and keeps what every operator gives: what an artifact's operators are held against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from ..diagnosis_job import Trace, TracedNode, TraceJob
from ..errors import NotRunnable
from ..layouts import to_artifact
from ..tensors import Call, read_calls, write_calls
from ..worker.stages import stage
from .double import as_doubles, double_module, doubles
from .passes.drop_assertions import drop_assertions
from .program import TorchProgram, program_of
from .source_lines import frame_of, module_of


class _Recorded(fx.Interpreter):
    """Keeps a copy of every float tensor that an operator gives."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.values: dict[str, torch.Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        """What the operator gives; a copy, since another one may write into it later."""
        given = super().run_node(n)
        if n.op == "call_function" and isinstance(given, torch.Tensor) and given.is_floating_point():
            self.values[n.name] = given.detach().clone()
        return given


def trace(job: TraceJob) -> Trace:
    """The trace of a PyTorch source."""
    return trace_of(program_of(job.program), job)


def trace_of(program: TorchProgram, job: TraceJob) -> Trace:
    """Run the program on the first stored call in float64 and in float32, and store the former's values by node."""
    source = drop_assertions(program.source_program)
    tensors = _tensors(program, next(read_calls(Path(job.calls))))
    with stage("trace"), torch.no_grad():
        plain = _Recorded(source.module(check_guards=False))
        plain.run(*(tensor.clone() for tensor in tensors))
        exact, graph = _in_doubles(source, tensors)
    nodes = [node for node in depending(graph) if node.op == "call_function"]
    names = (spec.name for spec in program.signature.outputs)
    returned = pytree.tree_leaves(graph.output_node().args)
    write_calls(Path(job.values), [{name: value.numpy() for name, value in exact.values.items()}])
    return Trace(
        nodes=tuple(_traced(node, plain.values, exact.values) for node in nodes),
        outputs={name: str(node) for name, node in zip(names, returned, strict=True)},
    )


def _in_doubles(source: ExportedProgram, tensors: tuple[torch.Tensor, ...]) -> tuple[_Recorded, fx.Graph]:
    """The program after it ran in float64, and its graph; NotRunnable if it does not."""
    with doubles():
        module = double_module(source)
        recorded = _Recorded(module)
        try:
            recorded.run(*as_doubles(tensors))
        except Exception as error:
            raise NotRunnable(
                f"the model does not run in float64, in which operators are compared: {type(error).__name__}: {error}",
                fix="`edgeproof verify --hops` says which step is at fault",
            ) from error
    return recorded, module.graph


def depending(graph: fx.Graph) -> dict[fx.Node, None]:
    """The nodes that depend on the inputs, in order: what is computed of weights alone is made when a file is."""
    found: dict[fx.Node, None] = {}
    for node in graph.nodes:
        if node.op == "placeholder" or any(source in found for source in node.all_input_nodes):
            found[node] = None
    return found


def _tensors(program: TorchProgram, call: Call) -> tuple[torch.Tensor, ...]:
    moved = to_artifact(call, program.layouts)
    return tuple(torch.from_numpy(moved[spec.name].copy()) for spec in program.signature.inputs)


def _traced(node: fx.Node, plain: dict[str, torch.Tensor], exact: dict[str, torch.Tensor]) -> TracedNode:
    return TracedNode(
        name=node.name,
        operator=str(node.target),
        inputs=tuple(source.name for source in node.all_input_nodes if source.op == "call_function"),
        module=module_of(node),
        line=frame_of(node),
        noise=_noise(plain.get(node.name), exact.get(node.name)),
    )


def _noise(plain: torch.Tensor | None, exact: torch.Tensor | None) -> float | None:
    """The rms of what float32 loses at this node; None where it gives no float tensor, or one of another shape."""
    if plain is None or exact is None or plain.shape != exact.shape or not exact.numel():
        return None
    return float((plain.double() - exact).square().mean().sqrt())
