"""Runs those of XNNPACK's passes that have something to do in a graph."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from torch import fx
from torch.export import ExportedProgram

from .exir import transform
from .exir import xnnpack_passes as xnnpack

# A pass changes a graph only if it holds an operator whose name has one of these in it. Passes that are not
# here always run.
_WORKS_ON: dict[type, tuple[str, ...]] = {
    xnnpack.XNNPACKRemoveCloneOpsTransform: ("clone", "alias"),
    xnnpack.DimOrderOpsRevertPass: ("dim_order",),
    xnnpack.ConvertToLinearPass: (".mm.", ".addmm.", ".bmm."),
    # The pattern it looks for guards its softmax against rows of nothing but -inf.
    xnnpack.ConvertToSDPAPass: ("logical_not",),
    xnnpack.FuseBatchNormPass: ("batch_norm",),
    xnnpack.DecomposeBatchNorm: ("batch_norm",),
    xnnpack.FuseActivationPass: ("relu", "hardtanh", "clamp"),
    xnnpack.DecomposeConcatenate: (".cat.",),
    xnnpack.RemoveGetItemPass: ("getitem", ".max", ".min"),
    xnnpack.InsertPadQDQPass: ("dequantize",),
    xnnpack.Conv1dUnsqueezePass: (".convolution.",),
    xnnpack.PReLUReshapePass: ("_prelu_kernel",),
    xnnpack.RemoveRedundantCopyPass: ("_to_copy",),
}
# The first carries quantisation annotations along, and a float program has none; the second looks for the very
# operator that it would put there, since that one is not decomposed any more.
_NEVER_NEEDED = (xnnpack.PropagateCustomMetaPass, xnnpack.ConvertToUpsampleBilinear2d)


@contextmanager
def needed_passes() -> Generator[None]:
    """Let XNNPACK's pass manager leave out passes that find none of the operators they rewrite.

    executorch 1.5.1 runs seventeen passes over every delegated graph, and nearly all of them end by tracing
    the whole graph again. Two of them first export a handful of patterns, three seconds each time.
    """
    with patch.object(xnnpack.XNNPACKPassManager, "transform", _transform_where_needed):
        yield


def _transform_where_needed(manager: Any) -> ExportedProgram:
    program: ExportedProgram = manager.exported_program
    for kind in manager.passes:
        if _has_work(kind, program.graph_module):
            is_xnnpack = issubclass(kind, xnnpack.XNNPACKPass)
            program = transform(program, kind(program) if is_xnnpack else kind())
    return program


def _has_work(kind: type, module: fx.GraphModule) -> bool:
    if kind in _NEVER_NEEDED:
        return False
    parts = _WORKS_ON.get(kind)
    if parts is None:
        return True
    names = {f".{_name(node)}" for node in module.graph.nodes if node.op == "call_function"}
    return any(part in name for part in parts for name in names)


def _name(node: fx.Node) -> str:
    return getattr(node.target, "__name__", str(node.target))
