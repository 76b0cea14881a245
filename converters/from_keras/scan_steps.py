"""Runs a Python step function as a scan of torch while a program is exported.

A scan's body may use nothing but its operands, and Keras' step functions reach into layers for their weights. What
a step uses from outside is recorded in a first run and handed in as operands in the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

Step = Callable[[list[Any], list[Any]], tuple[list[Any], list[Any]]]


class _Recorder(TorchFunctionMode):
    """Records the tensors that functions take and that no earlier function made."""

    def __init__(self) -> None:
        super().__init__()
        self.tensors: dict[int, torch.Tensor] = {}
        self._made: dict[int, torch.Tensor] = {}

    def __torch_function__(
        self, function: Any, _types: Any, arguments: tuple[Any, ...] = (), options: dict[str, Any] | None = None
    ) -> Any:
        for leaf in _tensors((arguments, options)):
            if id(leaf) not in self._made:
                self.tensors[id(leaf)] = leaf
        result = function(*arguments, **(options or {}))
        # Kept, so that no later tensor gets the identity of one that is gone.
        self._made.update((id(leaf), leaf) for leaf in _tensors(result))
        return result


class _Replaced(TorchFunctionMode):
    """Gives functions other tensors in the place of some."""

    def __init__(self, others: dict[int, torch.Tensor]) -> None:
        super().__init__()
        self._others = others

    def __torch_function__(
        self, function: Any, _types: Any, arguments: tuple[Any, ...] = (), options: dict[str, Any] | None = None
    ) -> Any:
        given = pytree.tree_map(lambda leaf: self._others.get(id(leaf), leaf), (arguments, options or {}))
        return function(*given[0], **given[1])


def _tensors(structure: Any) -> list[torch.Tensor]:
    return [leaf for leaf in pytree.tree_leaves(structure) if isinstance(leaf, torch.Tensor)]


def run_untraced(function: Callable[[], Any]) -> tuple[Any, list[torch.Tensor]]:
    """What a function gives, and the tensors that it took; nothing of it gets into the exported program."""
    recorder = _Recorder()
    with disable_proxy_modes_tracing(), recorder:
        result = function()
    return result, list(recorder.tensors.values())


def scan_steps(
    step: Step, states: list[torch.Tensor], sequences: list[torch.Tensor], captured: list[torch.Tensor]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The last states, and every output stacked along a new first axis.

    `step` takes the states and one slice of each sequence (time is their first axis) and gives the new states, of
    the same shapes and dtypes, and outputs. `captured` are the tensors that it takes from outside.
    """
    own = {id(tensor) for tensor in (*states, *sequences)}
    outside = {id(tensor): tensor for tensor in captured if id(tensor) not in own}
    counts = (len(states), len(sequences))

    def combine(*operands: torch.Tensor) -> list[torch.Tensor]:
        carried, slices, fixed = _groups(list(operands), *counts)
        with _Replaced(dict(zip(outside, fixed, strict=True))):
            new, outputs = step(carried, slices)
        return _distinct([*new, *outputs], operands)

    # Keras' variables hold real tensors also while torch.export traces with fake ones; a view of one is traced.
    fixed = tuple(tensor if isinstance(tensor, FakeTensor) else tensor.detach() for tensor in outside.values())
    results = list(torch.ops.higher_order.scan(combine, states, sequences, fixed))
    return results[: len(states)], results[len(states) :]


def _groups(operands: list[Any], *counts: int) -> list[list[Any]]:
    groups = []
    for count in counts:
        groups.append(operands[:count])
        operands = operands[count:]
    return [*groups, operands]


def _distinct(results: list[torch.Tensor], operands: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    """The results as tensors of their own: a scan refuses to hand out one tensor twice, or an operand."""
    seen = {id(operand) for operand in operands}
    distinct = []
    for result in results:
        distinct.append(result.clone() if id(result) in seen else result)
        seen.add(id(result))
    return distinct
