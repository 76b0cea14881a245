"""An ExecuTorch program that gives what every operator of the source gives, computed with an artifact's constants.

What XNNPACK has taken shows nothing of its inside. So the source is lowered once more with all its values as outputs;
and where the artifact's bytes differ from what the source lowers to today, these are put into the new program, so that
it computes with the artifact's weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from ..diagnosis_job import ExtractJob, Tap, TappedJob, Taps
from ..errors import EdgeproofError
from ..layouts import to_artifact
from ..tensors import read_calls, write_calls
from ..worker.stages import stage
from . import executorch
from .passes.drop_assertions import drop_assertions
from .program import TorchProgram, program_of
from .recurrent_shapes import whole_recurrent_layers
from .tracing import depending

_GAP = 64  # differences this close are one
_FOLDED = ("conv", "linear")
_CONTEXTS = (256, 64, 16)  # how much is looked at on either side to find a place again


class _Tapped(torch.nn.Module):
    """The outputs of a program's module, and every float tensor on the way."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__()
        self.module = module

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Outputs first, then the values in the order in which they are computed."""
        recorded = _Recorder(self.module)
        outputs = pytree.tree_leaves(recorded.run(*tensors))
        # An output may not be handed out twice, and views share their memory.
        return (*outputs, *(value.clone() for value in recorded.values.values()))


class _Recorder(fx.Interpreter):
    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.values: dict[str, torch.Tensor] = {}
        self._wanted = {node for node in depending(module.graph) if node.op == "call_function" and not _is_folded(node)}

    def run_node(self, n: fx.Node) -> Any:
        given = super().run_node(n)
        if n in self._wanted and isinstance(given, torch.Tensor) and given.is_floating_point():
            self.values[n.name] = given
        return given


def _is_folded(node: fx.Node) -> bool:
    """Whether a normalisation is folded into the operator's weights: as an output it would keep weights of its own."""
    users = [str(user.target) for user in node.users]
    return len(users) == 1 and "batch_norm" in users[0] and any(each in str(node.target) for each in _FOLDED)


def make(job: TappedJob) -> Taps:
    """The tapped program of a PyTorch source."""
    return tapped(program_of(job.program), job)


def tapped(program: TorchProgram, job: TappedJob) -> Taps:
    """Write the program to `job.output`; its outputs are the artifact's, then one for each of the taps."""
    source = drop_assertions(program.source_program)
    module = source.module(check_guards=False)
    recorded = _Recorder(module)
    with torch.no_grad():
        recorded.run(*(tensor.clone() for tensor in program.examples))
    with stage("lower"):
        again = executorch.lower(program.exported, program.signature, backend=job.artifact.backend).payload
        examples = tuple(tensor.detach() for tensor in program.examples)
        with torch.no_grad(), whole_recurrent_layers():
            exported = torch.export.export(_Tapped(module), examples, strict=False)
        payload = executorch.lower(exported, program.signature, backend=job.artifact.backend).payload
    changed, lost = transplanted(payload, again, Path(job.artifact.file).read_bytes())
    Path(job.output).write_bytes(changed)
    return Taps(
        taps=tuple(_taps(source, list(recorded.values))),
        outputs=dict(zip((spec.name for spec in program.signature.outputs), _returned(source), strict=True)),
        without=f"{lost} differences from the source's own program, which are not in weights" if lost else "",
    )


def extract(job: ExtractJob) -> int:
    """The operators of a PyTorch source; see `extracted`."""
    if job.program is None:
        raise EdgeproofError("no program was named", fix="report this as a bug")
    return extracted(program_of(job.program), job)


def extracted(program: TorchProgram, job: ExtractJob) -> int:
    """Lower `job.nodes` alone, with the artifact's constants; returns the size of the file.

    What goes into them is taken from the source's program in float32.
    """
    source = drop_assertions(program.source_program)
    module = source.module(check_guards=False)
    recorded = _Recorder(module)
    call = to_artifact(next(read_calls(Path(job.calls))), program.layouts)
    tensors = tuple(torch.from_numpy(call[spec.name].copy()) for spec in program.signature.inputs)
    with torch.no_grad():
        recorded.run(*tensors)
    part = _part(module, job.nodes)
    given = [node.name for node in part.graph.nodes if node.op == "placeholder"]
    known = {**recorded.values, **dict(zip(_placeholders(module), tensors, strict=True))}
    inputs = tuple(known[name].clone() for name in given)
    with stage("lower"), torch.no_grad(), whole_recurrent_layers():
        again = executorch.lower(program.exported, program.signature, backend=job.artifact.backend).payload
        small = torch.export.export(part, inputs, strict=False)
        payload = executorch.lower(small, program.signature, backend=job.artifact.backend).payload
    changed, _ = transplanted(payload, again, Path(job.artifact.file).read_bytes())
    Path(job.file).write_bytes(changed)
    write_calls(Path(job.inputs), [{name: tensor.numpy() for name, tensor in zip(given, inputs, strict=True)}])
    return len(changed)


def _placeholders(module: fx.GraphModule) -> list[str]:
    return [node.name for node in module.graph.nodes if node.op == "placeholder"]


def _part(module: fx.GraphModule, names: tuple[str, ...]) -> fx.GraphModule:
    """The nodes of these names as a module: what they take from others are its inputs."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    chosen = [node for node in module.graph.nodes if node.name in names]
    for node in chosen:
        for source in node.all_input_nodes:
            if source not in copies and source.op != "get_attr" and source not in chosen:
                copies[source] = graph.placeholder(source.name)
    for node in chosen:
        for source in node.all_input_nodes:
            if source.op == "get_attr" and source not in copies:
                copies[source] = graph.node_copy(source, lambda each: copies[each])
        copies[node] = graph.node_copy(node, lambda each: copies[each])
    graph.output((copies[chosen[-1]],))
    return fx.GraphModule(module, graph)


def _taps(program: ExportedProgram, names: list[str]) -> Iterator[Tap]:
    for node in program.graph.nodes:
        if node.name in names:
            yield Tap(name=node.name, operator=str(node.target), inputs=_nearest(node, names))


def _nearest(node: fx.Node, names: list[str]) -> tuple[str, ...]:
    """The taps that a node computes with, itself or by what is no tap."""
    waiting, seen = node.all_input_nodes, dict[fx.Node, None]()
    while waiting:
        source = waiting.pop()
        if source not in seen and source.name not in names:
            waiting += source.all_input_nodes
        seen[source] = None
    return tuple(source.name for source in seen if source.name in names)


def _returned(program: ExportedProgram) -> list[str]:
    return [str(name) for name in program.graph_signature.user_outputs]


def transplanted(tapped: bytes, expected: bytes, artifact: bytes) -> tuple[bytes, int]:
    """`tapped` with the places where `artifact` differs from `expected`; and how many of these are not in `tapped`."""
    if len(expected) != len(artifact):
        return tapped, abs(len(expected) - len(artifact))
    changed, lost = bytearray(tapped), 0
    for start, end in differences(expected, artifact):
        place = _place(tapped, expected, start, end)
        if place < 0:
            lost += 1
        else:
            changed[place : place + end - start] = artifact[start:end]
    return bytes(changed), lost


def differences(left: bytes, right: bytes) -> Iterator[tuple[int, int]]:
    """The ranges in which two texts of one length differ, those close together as one."""
    places = np.flatnonzero(np.frombuffer(left, np.uint8) != np.frombuffer(right, np.uint8))
    for together in np.split(places, np.flatnonzero(np.diff(places) > _GAP) + 1):
        if together.size:
            yield int(together[0]), int(together[-1]) + 1


def _place(tapped: bytes, expected: bytes, start: int, end: int) -> int:
    """Where `expected` from start to end stands in another program that holds the same constant.

    It is told by what is beside it in the constant, on both sides or on one; -1 if it stands nowhere, or at two places.
    """
    for size in _CONTEXTS:
        for before, after in ((size, size), (size, 0), (0, size)):
            left, right = max(start - before, 0), min(end + after, len(expected))
            place = tapped.find(expected[left:right])
            if place >= 0:
                return place + start - left if tapped.find(expected[left:right], place + 1) < 0 else -1
    return -1
