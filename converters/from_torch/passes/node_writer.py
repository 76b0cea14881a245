"""Writes operators into a graph beside the values that tracing would have recorded for them."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import fx
from torch._guards import detect_fake_mode
from torch.export import ExportedProgram

_PROVENANCE = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn")


class NodeWriter:
    """Adds call_function nodes at the graph's insertion point, each with the fake tensor it yields."""

    def __init__(self, graph: fx.Graph, fake_mode: Any, like: fx.Node | None = None) -> None:
        self.graph = graph
        self.fake_mode = fake_mode
        self.provenance = {} if like is None else {key: like.meta[key] for key in _PROVENANCE if key in like.meta}

    def call(self, target: Callable[..., Any], *arguments: Any, **options: Any) -> fx.Node:
        """A node that calls an operator; nodes among the arguments stand for their tensors."""
        values, named = fx.map_arg((arguments, options), lambda node: node.meta["val"])
        with self.fake_mode, torch.no_grad():
            value = target(*values, **named)
        return self.call_for(value, target, *arguments, **options)

    def call_for(self, value: Any, target: Callable[..., Any], *arguments: Any, **options: Any) -> fx.Node:
        """The same for an operator that cannot run on fake tensors: `value` is what it yields."""
        node = self.graph.call_function(target, arguments, options)
        node.meta.update(self.provenance, val=value)
        return node

    def items(self, node: fx.Node) -> list[fx.Node]:
        """One node for each value of a node that yields several."""
        return [
            self.call_for(value, operator.getitem, node, position) for position, value in enumerate(node.meta["val"])
        ]

    def placeholder(self, name: str, value: torch.Tensor) -> fx.Node:
        """An input of the graph for tensors like `value`."""
        node = self.graph.placeholder(name)
        node.meta["val"] = value
        return node

    def empty(self, shape: Sequence[Any], like: torch.Tensor) -> torch.Tensor:
        """A fake tensor of another shape."""
        with self.fake_mode, torch.no_grad():
            return torch.empty(tuple(shape), dtype=like.dtype, device=like.device)


class ProgramEdit:
    """A copy of a program's graph to change, sharing its tensors; the program itself stays as it is."""

    def __init__(self, program: ExportedProgram) -> None:
        self._program = program
        graph = fx.Graph()
        copies: dict[fx.Node, fx.Node] = {}
        results = graph.graph_copy(program.graph, copies)
        output = graph.output(results)
        output.meta = dict(next(iter(program.graph.find_nodes(op="output"))).meta)
        self.module = fx.GraphModule(program.graph_module, graph)
        self.module.meta.update(program.graph_module.meta)
        self.graph = self.module.graph
        self.signature = copy.deepcopy(program.graph_signature)
        self.fake_mode = fake_mode_of(self.graph)

    def writer(self, like: fx.Node) -> NodeWriter:
        """A writer whose nodes are said to come from the same line of the model as `like`."""
        return NodeWriter(self.graph, self.fake_mode, like)

    def replace(self, old: fx.Node, new: fx.Node) -> None:
        """Let `new` take the place of `old` everywhere, among the program's outputs too."""
        old.replace_all_uses_with(new)
        self.signature.replace_all_uses(old.name, new.name)

    def add_body(self, body: fx.GraphModule) -> fx.Node:
        """Keep the graph module of a loop's body in the program; gives the node that names it."""
        number = 0
        while hasattr(self.module, f"loop_body_{number}"):
            number += 1
        self.module.register_module(f"loop_body_{number}", body)
        return self.graph.get_attr(f"loop_body_{number}")

    def program(self) -> ExportedProgram:
        """The edited program."""
        self.graph.lint()
        self.module.recompile()
        return self._program._update(self.module, self.signature)


def arguments_of(node: fx.Node) -> tuple[Any, ...]:
    """The node's positional arguments, of whatever types its operator takes."""
    return node.args


def schema_arguments(node: fx.Node) -> dict[str, Any]:
    """All arguments of an operator by name in the order of its schema, defaults included."""
    target: Any = node.target
    schema = target._schema.arguments
    given = dict(zip([argument.name for argument in schema], node.args, strict=False), **node.kwargs)
    return {argument.name: given.get(argument.name, argument.default_value) for argument in schema}


def groups_of(layer: fx.Node) -> int:
    """Into how many groups a convolution divides its channels; 1 for other operators."""
    return int(schema_arguments(layer).get("groups", 1))


def fake_mode_of(graph: fx.Graph) -> Any:
    """The mode that made the graph's fake tensors."""
    values = (node.meta.get("val") for node in graph.nodes)
    return detect_fake_mode([value for value in values if value is not None])


def erase_unused(graph: fx.Graph, nodes: Iterable[fx.Node]) -> None:
    """Erase those of the nodes, given in the graph's order, that nothing uses."""
    for node in reversed(list(nodes)):
        if not node.users:
            graph.erase_node(node)
