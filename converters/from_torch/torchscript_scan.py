"""Makes TorchScript of a program that contains scans, each a scripted loop around one traced step.

torch.jit.trace unrolls a scan over all steps. Here its body is traced once, a for loop is scripted around it, and
the rest of the program is traced with the loop as a module that the tracer calls but does not enter.
"""

from __future__ import annotations

import warnings
from typing import Any, cast

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.fx.graph import CodeGen
from torch.jit._trace import TracerWarning
from torch.utils import _pytree as pytree

from ..errors import ConversionError
from .passes.node_writer import arguments_of
from .passes.recurrent_to_scan import recurrent_nodes

_SCAN = torch.ops.higher_order.scan
# What torch.export leaves in a graph to check sizes when it runs.
_CHECKS = frozenset(
    {
        torch.ops.aten._assert_scalar.default,
        torch.ops.aten.sym_constrain_range.default,
        torch.ops.aten.sym_constrain_range_for_size.default,
    }
)


class ScanLoop(torch.nn.Module):
    """Runs a step over the first axis of its sequences: (states, sequences, fixed) -> states and stacked outputs."""

    def __init__(self, step: torch.jit.ScriptModule, states: int) -> None:
        super().__init__()
        self.step = step
        self.states = states

    def forward(
        self, states: list[torch.Tensor], sequences: list[torch.Tensor], fixed: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        """The last states, then every output with the steps along a new first axis."""
        outputs: list[list[torch.Tensor]] = []
        for time in range(sequences[0].size(0)):
            slices = [sequence[time] for sequence in sequences]
            results: list[torch.Tensor] = self.step(states + slices + fixed)
            states = results[: self.states]
            new = results[self.states :]
            for number in range(len(new)):
                if time == 0:
                    outputs.append([new[number]])
                else:
                    outputs[number].append(new[number])
        return states + [torch.stack(rows) for rows in outputs]


class _ListStep(torch.nn.Module):
    """A scan's body that takes and gives one list of tensors."""

    def __init__(self, body: fx.GraphModule) -> None:
        super().__init__()
        self.body = body

    def forward(self, values: list[torch.Tensor]) -> list[torch.Tensor]:
        """The body's results."""
        return list(self.body(*values))


def is_whole(program: ExportedProgram) -> bool:
    """Whether the program holds recurrence as a scan or a layer, which a trace of the model's code might unroll."""
    return next(iter(_scans(program.graph_module)), None) is not None or any(recurrent_nodes(program.graph))


def script_program(program: ExportedProgram) -> torch.jit.ScriptModule:
    """A ScriptModule of the program that takes its flat user inputs and gives its flat outputs as a tuple.

    Works for programs without scans too. Parameters and buffers keep their names. Raises ConversionError where
    torch.jit.trace refuses the program.
    """
    return script_flat(flat_module(program), program)


def script_flat(module: fx.GraphModule, program: ExportedProgram) -> torch.jit.ScriptModule:
    """The same of a flat module of the program that was changed since."""
    _follow_sizes(module.graph)
    module.recompile()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            # torch.export has decided about everything that the tracer warns of.
            warnings.simplefilter("ignore", TracerWarning)
            _script_scans(module)
            traced = torch.jit.trace(module, _examples(program), check_trace=False, _store_inputs=False)
            return cast("torch.jit.ScriptModule", traced)
    except Exception as error:
        raise ConversionError(
            f"torch.jit.trace refused the exported program: {type(error).__name__}: {error}", fix="read the log"
        ) from error


def flat_module(program: ExportedProgram) -> fx.GraphModule:
    """The program as a module that takes flat tensors, its constants inside; the operators are those of the program."""
    checked = program.module(check_guards=False)
    module = fx.GraphModule(checked, checked.graph)  # without the hook that checks inputs
    module.graph.set_codegen(CodeGen())
    for node in list(module.graph.nodes):
        if node.target in _CHECKS:
            module.graph.erase_node(node)
    return module


def _follow_sizes(graph: fx.Graph) -> None:
    """Ask the tensors for their sizes, so that a trace keeps them open."""
    for node in graph.nodes:
        if node.op == "call_function" and any(_is_size(source) for source in node.all_input_nodes):
            _call_by_name(node)
    for node in graph.find_nodes(op="call_function", target=torch.ops.aten.sym_size.int):
        node.op, node.target = "call_method", "size"


def _is_size(node: fx.Node) -> bool:
    return isinstance(node.meta.get("val"), torch.SymInt)


def _call_by_name(node: fx.Node) -> None:
    """Call the operator as a model's code would: the tracer follows sizes only through torch's own functions."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return
    name = node.target._schema.name.removeprefix("aten::")
    first = node.args[0] if node.args else None
    if isinstance(first, fx.Node) and not _is_size(first) and hasattr(torch.Tensor, name):
        node.op, node.target = "call_method", name
    elif callable(function := getattr(torch, name, None)):
        node.target = function


def _examples(program: ExportedProgram) -> tuple[torch.Tensor, ...]:
    return tuple(pytree.tree_leaves(program.example_inputs))


def _scans(module: fx.GraphModule) -> list[fx.Node]:
    return list(module.graph.find_nodes(op="call_function", target=_SCAN))


def _script_scans(module: fx.GraphModule) -> None:
    """Put a scripted loop in the place of every scan, inner ones first."""
    for number, node in enumerate(_scans(module)):
        body_node, states, sequences, fixed = arguments_of(node)
        body = cast("fx.GraphModule", module.get_submodule(body_node.target))
        example = _example_of_body(body)
        _script_scans(body)
        step = torch.jit.trace(_ListStep(body), (example,), check_trace=False, strict=False, _store_inputs=False)
        loop = torch.jit.script(ScanLoop(cast("torch.jit.ScriptModule", step), len(states)))
        module.add_module(f"loop_{number}", loop)
        with module.graph.inserting_before(node):
            call = module.graph.call_module(f"loop_{number}", (list(states), list(sequences), list(fixed)))
        node.replace_all_uses_with(call)
        module.graph.erase_node(node)
        module.graph.erase_node(body_node)
    module.delete_all_unused_submodules()
    module.recompile()


def _example_of_body(body: fx.GraphModule) -> list[torch.Tensor]:
    """Tensors of the shapes that the body was exported with; an open size takes the example's."""
    return [_zeros_like(node.meta["val"]) for node in body.graph.find_nodes(op="placeholder")]


def _zeros_like(value: Any) -> torch.Tensor:
    sizes = [size if isinstance(size, int) else size.node.hint for size in value.shape]
    return torch.zeros(sizes, dtype=value.dtype)
