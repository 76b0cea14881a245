"""Sees which tables a model's inputs choose rows of, while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_INTEGERS = frozenset({torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64})
_ATEN = torch.ops.aten
_EMBEDDINGS = (_ATEN.embedding.default, _ATEN._embedding_bag.default, _ATEN._embedding_bag_forward_only.default)
_ALONG_AN_AXIS = (_ATEN.index_select.default, _ATEN.gather.default, _ATEN.scatter_.value)


class TableWatch(TorchDispatchMode):
    """Within, every lookup by one of `inputs`, or by integers with the same numbers made of it, is noted.

    `rows` has the fewest rows of the tables that each input chooses from.
    """

    def __init__(self, inputs: Mapping[str, torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows: dict[str, int] = {}
        # The tensors are kept, so that none is taken for another one that came to lie at its place.
        self._known = [(tensor, name) for name, tensor in inputs.items()]

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """Run an operator and look at it."""
        for rows, indices in _lookups(func, args):
            name = self._name_of(indices)
            if name is not None:
                self.rows[name] = min(rows, self.rows.get(name, rows))
        result = func(*args, **(kwargs or {}))
        self._follow(args, result)
        return result

    def _name_of(self, tensor: Any) -> str | None:
        return next((name for known, name in self._known if known is tensor), None)

    def _follow(self, args: Sequence[Any], result: Any) -> None:
        if not isinstance(result, torch.Tensor) or result.dtype not in _INTEGERS or not args:
            return
        name = self._name_of(args[0])
        if name is not None and _same_numbers(args[0], result):
            self._known.append((result, name))


def _lookups(func: Any, args: Sequence[Any]) -> list[tuple[int, Any]]:
    """The rows of every table that an operator reads, with the indices that choose among them."""
    if func in _EMBEDDINGS:
        return [(args[0].shape[0], args[1])]
    if func in _ALONG_AN_AXIS and args[0].ndim:
        return [(args[0].shape[args[1]], args[2])]
    if func is _ATEN.index.Tensor:
        return [(size, indices) for size, indices in zip(args[0].shape, args[1], strict=False) if indices is not None]
    return []


def _same_numbers(one: torch.Tensor, other: torch.Tensor) -> bool:
    """In whatever shape and order."""
    if one.numel() != other.numel():
        return False
    left, right = (tensor.reshape(-1).to(torch.float64).sort().values for tensor in (one, other))
    return torch.equal(left, right)
