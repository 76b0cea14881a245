"""The parts of ExecuTorch's exporter that lowering uses, imported without what makes the import slow.

executorch 1.5.1 reads a table of 140 kB with a YAML parser in Python, one second, where the C parser of PyYAML
(which it requires too) takes a sixth; and for one function, which only programs with in-place custom operators
need, it imports torch._inductor's pattern matcher, 0.7 s.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
import yaml  # type: ignore[import-untyped]
from torch._higher_order_ops.auto_functionalize import auto_functionalized, auto_functionalized_v2
from torch.export import ExportedProgram

_HEAVY = "torch.export._remove_auto_functionalized_pass"


class _QuickYaml:
    """As much of ruamel.yaml.YAML as executorch uses, on the C parser."""

    def __init__(self, *, typ: str) -> None:
        self.typ = typ

    def load(self, text: str) -> Any:
        """The document as plain Python values."""
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe


def _remove_if_there(program: ExportedProgram) -> ExportedProgram:
    """What the heavy module does, which it is imported for only where there is something to do."""
    graph = program.graph
    functionalised = (auto_functionalized, auto_functionalized_v2)
    if any(graph.find_nodes(op="call_function", target=target) for target in functionalised):
        sys.modules.pop(_HEAVY, None)
        heavy: Any = importlib.import_module(_HEAVY)
        return heavy.unsafe_remove_auto_functionalized_pass(program)
    for node in graph.find_nodes(op="call_function", target=torch.ops.aten.copy_.default):
        if node.args[0] == node.args[1]:
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
    graph.eliminate_dead_code()
    return program


@contextmanager
def _quick_imports() -> Generator[None]:
    light = ModuleType(_HEAVY)
    light.unsafe_remove_auto_functionalized_pass = _remove_if_there  # type: ignore[attr-defined]
    already_there = sys.modules.get(_HEAVY)
    sys.modules.setdefault(_HEAVY, light)
    try:
        with patch("ruamel.yaml.YAML", _QuickYaml):
            yield
    finally:
        if already_there is None:
            sys.modules.pop(_HEAVY, None)


with _quick_imports():
    from executorch.backends.xnnpack import _passes as xnnpack_passes
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import EdgeCompileConfig, ExecutorchBackendConfig
    from executorch.exir.dialects.edge._ops import EdgeOpOverload
    from executorch.exir.operator.convert import to_out_variant
    from executorch.exir.pass_base import ProxyValue, _ExportPassBase
    from executorch.exir.passes import MemoryPlanningPass
    from executorch.exir.program import _program
    from executorch.exir.tracer import _default_decomposition_table
    from executorch.extension.pybindings import _C as runtime  # noqa: N811

ExportPassBase = _ExportPassBase
default_decomposition_table = _default_decomposition_table
edge_manager_for = _program._gen_edge_manager_for_partitioners
preservable = _program._remove_invalid_ops_for_not_decompose
transform = _program._transform

__all__ = [
    "EdgeCompileConfig",
    "EdgeOpOverload",
    "ExecutorchBackendConfig",
    "ExportPassBase",
    "MemoryPlanningPass",
    "ProxyValue",
    "XnnpackPartitioner",
    "default_decomposition_table",
    "edge_manager_for",
    "preservable",
    "runtime",
    "to_out_variant",
    "transform",
    "xnnpack_passes",
]
