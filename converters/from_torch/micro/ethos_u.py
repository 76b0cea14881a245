"""A quantised program for an Ethos-U: what TOSA can say of it goes to Vela, the rest stays with the CPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
from executorch.backends.arm.arm_vela import VelaCompileResult
from executorch.backends.arm.ethosu import EthosUBackend, EthosUCompileSpec, EthosUPartitioner
from executorch.backends.arm.quantizer import EthosUQuantizer, get_symmetric_quantization_config
from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower
from executorch.exir.backend.utils import WhyNoPartitionReporter
from torch import fx
from torch.export import ExportedProgram

from ...errors import ConversionError
from ...estimate import Estimate, together
from ...micro_backends import MicroBackend
from ..executorch_operators import refuse_unsupported
from ..source_lines import line_of
from .vela import Compiled, compile_tosa

_REPORTER = "executorch.backends.arm.tosa.partitioner.WhyNoPartitionReporter"
_NOWHERE = " at )"
_BORDER = ("quantized_decomposed.quantize_per_tensor", "quantized_decomposed.dequantize_per_tensor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegated:
    """An edge program, the TOSA graphs of its parts on the NPU, what Vela expects, and notes on what is elsewhere."""

    manager: Any
    tosa: tuple[bytes, ...]
    estimate: Estimate | None
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Watched:
    """What was seen while upstream delegated."""

    tosa: list[bytes] = field(default_factory=list[bytes])
    compiled: list[Compiled] = field(default_factory=list[Compiled])
    rejected: dict[str, str] = field(default_factory=dict[str, str])


def quantizer_for(backend: MicroBackend) -> Any:
    """The quantiser of an Ethos-U, in 8 bits throughout."""
    quantizer = EthosUQuantizer(_spec(backend))
    return quantizer.set_global(get_symmetric_quantization_config()) or quantizer


def delegate(program: ExportedProgram, backend: MicroBackend) -> Delegated:
    """The quantised program in edge dialect, with calls of the NPU.

    Raises ConversionError if nothing of it runs there, UnsupportedOperators for what neither side has.
    """
    with _watched() as seen, torch.no_grad():
        manager = _delegated(program, backend)
    if not seen.tosa:
        raise ConversionError(
            f"nothing of the model runs on {backend.name}: {_first(seen.rejected)}",
            fix="other operators, or a backend that has them",
        )
    edge = manager.exported_program()
    refuse_unsupported(edge)
    left = [node for node in edge.graph.nodes if _is_on_cpu(node)]
    return Delegated(
        manager=manager,
        tosa=tuple(seen.tosa),
        estimate=together([each.estimate for each in seen.compiled], operators_on_cpu=len(left)),
        notes=(*_told(left, seen.rejected), *_left_by_vela(seen.compiled)),
    )


def _spec(backend: MicroBackend) -> EthosUCompileSpec:
    return EthosUCompileSpec(backend.name, system_config=backend.system_config, memory_mode=backend.memory_mode)


def _delegated(program: ExportedProgram, backend: MicroBackend) -> Any:
    config = EdgeCompileConfig(_check_ir_validity=False)
    try:
        return to_edge_transform_and_lower(
            program, partitioner=[EthosUPartitioner(_spec(backend))], compile_config=config
        )
    except ConversionError:
        raise
    except Exception as error:
        raise ConversionError(
            f"ExecuTorch could not lower the model to {backend.name}: {type(error).__name__}: {str(error).strip()}",
            fix="read the log for the operator; another backend may have it",
        ) from error


@contextmanager
def _watched() -> Generator[_Watched]:
    """Upstream hands the TOSA graph to Vela and forgets it, and prints why an operator stayed outside."""
    seen = _Watched()

    def compile_and_keep(tosa: bytes, spec: EthosUCompileSpec) -> VelaCompileResult:
        compiled = compile_tosa(tosa, spec.compiler_flags)
        seen.tosa.append(tosa)
        seen.compiled.append(compiled)
        return VelaCompileResult(compiled.payload)

    # ExecuTorch is untyped to mypy, so its class is Any.
    class Reporter(WhyNoPartitionReporter):  # type: ignore[misc]
        def report_reject(self, node: fx.Node, reason: str) -> None:
            seen.rejected.setdefault(node.name, reason)
            super().report_reject(node, reason)

    with ExitStack() as stack:
        stack.enter_context(patch.object(EthosUBackend, "_compile_tosa_flatbuffer", staticmethod(compile_and_keep)))
        stack.enter_context(patch(_REPORTER, Reporter))
        yield seen


def _is_on_cpu(node: fx.Node) -> bool:
    """Operators of the model; where floats become integers and back is the border of what was quantised."""
    if node.op != "call_function" or not hasattr(node.target, "_op"):
        return False
    return not str(node.target._op).startswith(_BORDER)


def _told(left: list[fx.Node], rejected: dict[str, str]) -> tuple[str, ...]:
    """One note for each operator and reason."""
    texts = Counter(f"{_name(node)}{_line(node)}: {_reason(node, rejected)}" for node in left)
    return tuple(
        f"warning: on the CPU, not on the NPU: {text}" + (f" ({count} times)" if count > 1 else "")
        for text, count in texts.items()
    )


def _line(node: fx.Node) -> str:
    """Where the quantiser's own rewriting lost it, none."""
    line = line_of(node)
    return "" if line.endswith(_NOWHERE) else line


def _reason(node: fx.Node, rejected: dict[str, str]) -> str:
    said = rejected.get(node.name, "the partitioner did not say why")
    return " ".join(said.split()).rstrip(".")


def _left_by_vela(compiled: list[Compiled]) -> tuple[str, ...]:
    return tuple(f"warning: Vela left to the CPU: {each.text}" for part in compiled for each in part.left)


def _name(node: fx.Node) -> str:
    return str(getattr(node.target, "_op", node.target)).removesuffix(".default")


def _first(rejected: dict[str, str]) -> str:
    return next((f"{name}: {' '.join(why.split())}" for name, why in rejected.items()), "the partitioner took nothing")
