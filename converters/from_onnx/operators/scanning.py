"""A step run over rows as one scan, which stays whole through torch.export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch._higher_order_ops.scan import scan_op

Step = Callable[..., list[Tensor]]


def scan(
    step: Step, state: Sequence[Tensor], rows: Sequence[Tensor], fixed: Sequence[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """Run step(*state, *row of each, *fixed) -> [*state, *outputs] over axis 0 of `rows`.

    Returns the last state and the outputs stacked along axis 0. What the step gives back must be
    neither one of its arguments nor a view of one. The operator is called below its public wrapper,
    torch.scan, because that one compiles the step with dynamo, which cannot read graphs as data.
    """
    result: Sequence[Any] = scan_op(step, distinct(state, [*rows, *fixed]), list(rows), tuple(fixed))
    return list(result[: len(state)]), list(result[len(state) :])


def distinct(state: Sequence[Tensor], others: Sequence[Tensor] = ()) -> list[Tensor]:
    """The state with every tensor that appears a second time, or among `others`, copied.

    torch 2.13 traces a step with its arguments told apart by identity: two states that start as the
    same tensor would be one state in the exported program.
    """
    seen = {id(tensor) for tensor in others}
    result: list[Tensor] = []
    for tensor in state:
        result.append(tensor.clone() if id(tensor) in seen else tensor)
        seen.add(id(tensor))
    return result
