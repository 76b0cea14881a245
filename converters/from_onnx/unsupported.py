"""Refuses a graph that holds operators without a torch form: all of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..errors import UnsupportedOperators
from .graph import Graph, Node

_OLDEST = 7
_SHOWN = 3  # names per operator


def every_node(graph: Graph) -> Iterator[Node]:
    """All nodes of a graph and of the graphs inside it."""
    for node in graph.nodes:
        yield node
        for body in node.bodies.values():
            yield from every_node(body)


def refuse_old(version: int) -> None:
    """Raise UnsupportedOperators for a version of ONNX's operators whose broadcasting was another one."""
    if version < _OLDEST:
        raise UnsupportedOperators(
            f"the ONNX graph uses operator set {version}; it must be {_OLDEST} or newer",
            fix="export the model again with a newer operator set, for example opset 18",
        )


def refuse_unsupported(graph: Graph, supported: set[str]) -> None:
    """Raise UnsupportedOperators that names every operator outside of `supported`, with its nodes."""
    missing: dict[str, list[str]] = defaultdict(list)
    for node in every_node(graph):
        if node.kind not in supported:
            missing[node.kind].append(node.name)
    if not missing:
        return
    listed = "; ".join(_line(kind, names) for kind, names in sorted(missing.items()))
    raise UnsupportedOperators(
        f"the model's ONNX graph uses operators that have no torch form here: {listed}",
        fix="write these layers with Keras or with other TensorFlow operators, "
        "or convert only to litert and onnx, which need no torch program",
    )


def _line(kind: str, names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{kind} ({shown}{rest})"
