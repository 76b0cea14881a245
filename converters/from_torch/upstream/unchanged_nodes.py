"""Keeps what is known of a node's value when one of ExecuTorch's passes visits the node and changes nothing."""

from __future__ import annotations

import operator
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import fx
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils import _pytree as pytree

from .exir import EdgeOpOverload, ExportPassBase, ProxyValue

_NODE = "_edgeproof_node"


class _Known:
    """Stands in for the interpreter that would compute a value: gives the value that is known already."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def call_function(self, *_: Any) -> Any:
        return self._value


@contextmanager
def unchanged_nodes() -> Generator[None]:
    """Let ExecuTorch's passes take the recorded value of a node whose operator and arguments stay as they are.

    A pass of executorch 1.5.1 runs every operator on fake tensors again, some fifteen times in a lowering.
    """
    visit, emit = ExportPassBase.ExportInterpreter.run_node, ExportPassBase._fx

    def remember(self: Any, node: fx.Node) -> Any:
        setattr(self.callback, _NODE, node)
        return visit(self, node)

    def emit_known(self: Any, kind: str, target: Any, args: Any, kwargs: Any, meta: Any) -> ProxyValue:  # noqa: PLR0913, PLR0917
        node = getattr(self, _NODE, None)
        if kind != "call_function" or node is None or not _same_call(node, target, args, kwargs, self.fake_tensor_mode):
            return emit(self, kind, target, args, kwargs, meta)
        interpreter, self.interpreter = self.interpreter, _Known(node.meta["val"])
        try:
            return emit(self, kind, target, args, kwargs, meta)
        finally:
            self.interpreter = interpreter

    with patch.object(ExportPassBase.ExportInterpreter, "run_node", remember):  # noqa: SIM117
        with patch.object(ExportPassBase, "_fx", emit_known):
            yield


def _same_call(node: fx.Node, target: Any, args: Any, kwargs: Any, mode: Any) -> bool:
    return (
        node.target is target
        and (target is operator.getitem or isinstance(target, (EdgeOpOverload, torch._ops.OpOverload)))
        and "val" in node.meta
        and all(_is_recorded(leaf, mode) for leaf in pytree.tree_leaves(node.meta["val"]))
        and _same(node.args, args)
        and _same(node.kwargs, kwargs)
    )


def _is_recorded(value: Any, mode: Any) -> bool:
    """Some passes leave real tensors or nothing as the value: only what this very mode made counts."""
    return isinstance(value, FakeTensor) and value.fake_mode is mode and value.constant is None


def _same(written: Any, given: Any) -> bool:
    if isinstance(written, fx.Node):
        return isinstance(given, ProxyValue) and given.data is written.meta.get("val")
    if isinstance(written, (list, tuple)):
        return (
            isinstance(given, (list, tuple))
            and len(written) == len(given)
            and all(_same(one, other) for one, other in zip(written, given, strict=True))
        )
    if isinstance(written, dict):
        return written.keys() == given.keys() and all(_same(written[key], given[key]) for key in written)
    return type(written) is type(given) and bool(written == given)
