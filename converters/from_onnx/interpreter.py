"""Runs a graph node by node; traced by torch.export, this makes the torch program."""

from __future__ import annotations

from torch import Tensor

from .graph import Graph, Node
from .operators.control_flow import STRUCTURED
from .operators.table import OPERATORS
from .values import Known, Value

SUPPORTED = {*OPERATORS, *STRUCTURED}


def run_graph(graph: Graph, values: dict[str, Value]) -> tuple[Value, ...]:
    """The outputs of the graph; `values` holds its inputs and captures, and is filled with the rest.

    An error that an operator raises carries a note naming the node.
    """
    for node in graph.nodes:
        inputs = [values[name] if name else None for name in node.inputs]
        try:
            results = STRUCTURED[node.kind](node, inputs, values, run_graph) if node.bodies else run_node(node, inputs)
        except Exception as error:
            error.add_note(f"in the ONNX node {node.op_type} {node.name!r}")
            raise
        values.update((name, result) for name, result in zip(node.outputs, results, strict=False) if name)
    return tuple(values[name] for name in graph.outputs)


def run_node(node: Node, inputs: list[Value | None]) -> tuple[Value, ...]:
    """The results of one operator without bodies."""
    while inputs and inputs[-1] is None:
        inputs = inputs[:-1]
    result = OPERATORS[node.kind](node, *inputs)
    return (result,) if isinstance(result, (Tensor, Known)) else result
