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
    result: Sequence[Any] = scan_op(step, list(state), list(rows), tuple(fixed))
    return list(result[: len(state)]), list(result[len(state) :])
