"""Keeps what is known of a node's value when one of ExecuTorch's passes visits the node and changes nothing."""

from __future__ import annotations

import operator
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch
from torch import fx
from torch._subclasses.fake_tensor import FakeTensor
from torch.fx.experimental.proxy_tensor import py_sym_types
from torch.utils import _pytree as pytree

from .exir import EdgeOpOverload, ExportPassBase, ProxyValue

_NODE = "_edgeproof_node"
_CALL = "edgeproof_call"


class _Known:
    """Stands in for the interpreter that would compute a value: gives the value that is known already."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def call_function(self, *_: Any) -> Any:
        return self._value


@contextmanager
def unchanged_nodes() -> Generator[None]:
    """Let ExecuTorch's passes take the value of an operator that was called on the very same values before.

    A pass of executorch 1.5.1 runs every operator on fake tensors again, some fifteen times in a lowering. Each
    node carries what it was last called on, since a pass may give a node other arguments and leave its value as
    it was: the one that splits concatenations of more than five tensors does.
    """
    visit, emit = ExportPassBase.ExportInterpreter.run_node, ExportPassBase._fx

    def remember(self: Any, node: fx.Node) -> Any:
        setattr(self.callback, _NODE, node)
        return visit(self, node)

    def emit_known(self: Any, kind: str, target: Any, args: Any, kwargs: Any, meta: Any) -> ProxyValue:  # noqa: PLR0913, PLR0917
        if kind != "call_function":
            return emit(self, kind, target, args, kwargs, meta)
        given = pytree.tree_map_only(ProxyValue, lambda value: value.data, (args, kwargs))
        interpreter = self.interpreter
        call = _last_call(getattr(self, _NODE, None))
        if call is not None and call.gives_the_same(target, given, self.fake_tensor_mode):
            self.interpreter = _Known(call.value)
        try:
            result = emit(self, kind, target, args, kwargs, meta)
        finally:
            self.interpreter = interpreter
        result.node.meta[_CALL] = _Call(target, given, result.data)
        return result

    with patch.object(ExportPassBase.ExportInterpreter, "run_node", remember):  # noqa: SIM117
        with patch.object(ExportPassBase, "_fx", emit_known):
            yield


@dataclass(frozen=True, slots=True)
class _Call:
    """An operator, the values it was called on, and what it gave."""

    target: Any
    given: Any
    value: Any

    def gives_the_same(self, target: Any, given: Any, mode: Any) -> bool:
        """Whether a call would give this value again."""
        return (
            self.target is target
            and (target is operator.getitem or isinstance(target, (EdgeOpOverload, torch._ops.OpOverload)))
            and all(_is_made_by(leaf, mode) for leaf in pytree.tree_leaves(self.value))
            and _same(self.given, given)
        )


def _last_call(node: fx.Node | None) -> _Call | None:
    return None if node is None else node.meta.get(_CALL)


def _is_made_by(value: Any, mode: Any) -> bool:
    """Some passes leave real tensors or nothing as the value: only what this very mode made counts."""
    return isinstance(value, FakeTensor) and value.fake_mode is mode and value.constant is None


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other) or isinstance(one, (torch.Tensor, *py_sym_types)):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(_same(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)
