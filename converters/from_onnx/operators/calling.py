"""How operators are called: a node and its inputs, absent ones as None, tensors or known numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..graph import Node
from ..values import Value, as_tensor

Results = Value | tuple[Value, ...]
Operator = Callable[..., Results]  # (node, *inputs); a missing trailing input is not passed


def on_tensors(function: Callable[..., Results]) -> Operator:
    """An operator of tensors only: known numbers become constants of the program first."""

    def operator(node: Node, *inputs: Value | None) -> Results:
        return function(node, *(None if value is None else as_tensor(value) for value in inputs))

    return operator


def plain(function: Callable[[Tensor], Tensor]) -> Operator:
    """An operator of one tensor that has no attributes."""

    def operator(node: Node, value: Value) -> Results:
        del node
        return function(as_tensor(value))

    return operator


def axis_of(axis: Any, rank: int) -> int:
    """An axis counted from the front, where ONNX allows it to count from the back."""
    return int(axis) + rank if int(axis) < 0 else int(axis)
