"""A quantised program for a Cortex-M: operators that CMSIS-NN has are rewritten to its own, the rest stays portable.

ExecuTorch 1.5 has two such lowerings. The one that is used turns images where kernels want channels last, as operators
of their own. The other, its default, marks tensors instead; a `view` of such a tensor reads the memory in another order
than PyTorch does, so that a linear layer behind it gets its inputs shuffled, and fewer operators find a kernel.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from executorch.backends.cortex_m.edge_compile_config import cortex_m_edge_compile_config
from executorch.backends.cortex_m.passes.cortex_m_pass_manager import CortexMPassManager
from executorch.backends.cortex_m.quantizer.quantizer import CortexMQuantizer
from executorch.backends.cortex_m.quantizer_reporter import QuantizerReport
from executorch.backends.cortex_m.target_config import CortexMTargetConfig
from executorch.exir import to_edge
from torch import fx
from torch.export import ExportedProgram

from ...errors import ConversionError
from ...micro_backends import MicroBackend
from ..executorch_operators import refuse_unsupported
from ..source_lines import line_of

_OWN = "cortex_m"
_NAMESPACES = (_OWN, "dim_order_ops")
_SAME_BYTES = ("aten.view_copy", "aten.squeeze_copy", "aten.unsqueeze_copy", "aten.clone")


def quantizer_for() -> Any:
    """The quantiser of the Cortex-M family."""
    return CortexMQuantizer(use_explicit_layout=True)


def refused_by(quantizer: Any, lines: dict[str, str]) -> dict[str, str]:
    """Why a quantiser that has run left operators in float, by their lines in the model; `lines` has those of nodes."""
    found: dict[str, str] = {}
    for each in quantizer.quantizers:
        reporter = getattr(each, "reporter", None)
        report = None if reporter is None else reporter.quantizers.get(each)
        for rejected in () if report is None else report.rejected_patterns:
            if rejected.rejection_reason != QuantizerReport._PREVIOUS_ANNOTATION_REJECT_REASON:
                places = (lines[name] for name in rejected.node_names if lines.get(name))
                found.update(dict.fromkeys(places, rejected.rejection_reason))
    return found


def rewrite(program: ExportedProgram, backend: MicroBackend, refused: dict[str, str]) -> tuple[Any, tuple[str, ...]]:
    """The quantised program in edge dialect with CMSIS-NN's operators, and notes on those that it does not have.

    `refused` says why, by line of the model, where the quantiser did.

    Raises ConversionError if nothing could be rewritten, UnsupportedOperators for what has no kernel at all.
    """
    try:
        with torch.no_grad():
            manager = to_edge(program, compile_config=cortex_m_edge_compile_config())
            target = CortexMTargetConfig.from_target_string(backend.name)
            passes = CortexMPassManager(manager.exported_program(), target_config=target, use_explicit_layout=True)
            manager._edge_programs["forward"] = passes.transform()
    except Exception as error:
        raise ConversionError(
            f"ExecuTorch could not lower the model to {backend.name}: {type(error).__name__}: {str(error).strip()}",
            fix="read the log for the operator; another backend may have it",
        ) from error
    refuse_unsupported(manager.exported_program(), besides=_OWN)
    nodes = [node for node in manager.exported_program().graph.nodes if hasattr(node.target, "_op")]
    if not any(_namespace(node) == _OWN and "quantize_per" not in _name(node) for node in nodes):
        raise ConversionError(
            f"no operator of the model has a CMSIS-NN kernel for {backend.name}", fix="--backend portable"
        )
    return manager, _told([node for node in nodes if _is_portable(node)], refused)


def _is_portable(node: fx.Node) -> bool:
    return _namespace(node) not in _NAMESPACES and not _name(node).startswith(_SAME_BYTES)


def _told(left: list[fx.Node], refused: dict[str, str]) -> tuple[str, ...]:
    texts = Counter(f"{_name(node)}{line_of(node)}: {_reason(node, refused)}" for node in left)
    return tuple(
        f"warning: on ExecuTorch's portable kernels, not CMSIS-NN's: {text}"
        + (f" ({count} times)" if count > 1 else "")
        for text, count in texts.items()
    )


def _reason(node: fx.Node, refused: dict[str, str]) -> str:
    said = refused.get(line_of(node), "the backend knows no pattern with it")
    return " ".join(said.split()).rstrip(".")


def _namespace(node: fx.Node) -> str:
    return str(_operator(node).namespace)


def _name(node: fx.Node) -> str:
    return str(_operator(node)).removesuffix(".default")


def _operator(node: fx.Node) -> Any:
    target: Any = node.target
    return target._op
