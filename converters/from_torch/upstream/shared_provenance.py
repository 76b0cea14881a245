"""Lets nodes share the history of where they came from, instead of copying it deeply for every retrace."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from torch import fx
from torch.fx import traceback


@contextmanager
def shared_provenance() -> Generator[None]:
    """Make torch.fx.traceback.NodeSource keep its parent's history by reference.

    torch 2.13 copies the whole history of a node whenever an interpreter visits it; a lowering visits every
    node some thirty times. Nobody changes a history once it is made.
    """
    with patch.object(traceback.NodeSource, "__init__", _refer):
        yield


def _refer(self: Any, node: fx.Node | None, pass_name: str = "", action: Any = None) -> None:
    self.pass_name = pass_name
    self.action = [] if action is None else action if isinstance(action, list) else [action]
    self.node_info = None
    self.from_node = []
    if node is not None:
        self.node_info = self.NodeInfo(name=node.name, target=str(node.target), graph_id=id(node.graph))
        self.from_node = node.meta.get("from_node", [])
    self._action_string = None
    self._dict = None
