"""Changes the dtypes that a program's module computes in: its tensors, and the dtypes among its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx
from torch.utils import _pytree as pytree


def retype(
    module: fx.GraphModule,
    *,
    tensor: Callable[[torch.Tensor], torch.Tensor],
    argument: Callable[[Any], Any],
) -> None:
    """Change the module in place: every parameter and buffer, and every argument of its graph and its loops' bodies."""
    for held in (*module.parameters(), *module.buffers()):
        held.data = tensor(held.data)
    for part in module.modules():
        if isinstance(part, fx.GraphModule):
            for node in part.graph.nodes:
                if node.op == "call_function":
                    node.args = pytree.tree_map(argument, node.args)
                    node.kwargs = pytree.tree_map(argument, node.kwargs)
            part.recompile()


def cast(value: Any, found: torch.dtype, wanted: torch.dtype) -> Any:
    """A tensor of dtype `found` as `wanted`, anything else as it is."""
    return value.to(wanted) if isinstance(value, torch.Tensor) and value.dtype is found else value
