"""Quantises a program with a backend's own quantiser, as torchao's PT2E flow has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

from ...errors import ConversionError, QuantizationError
from ...layouts import to_artifact
from ...manifest import file_sha256
from ...quantization.backend_recipe import BackendRecipe
from ...tensors import read_calls
from ..passes.contiguous_constants import contiguous_constants
from ..passes.drop_assertions import drop_assertions
from ..passes.drop_layout_clones import drop_layout_clones
from ..passes.fold_batch_norms import fold_batch_norms
from ..passes.fold_constants import fold_constants
from ..passes.sort_as_topk import sort_as_topk
from ..program import TorchProgram
from ..source_lines import line_of

_ROUNDED = "dequantize_per_tensor"
_PASSES = (drop_assertions, fold_constants, fold_batch_norms, contiguous_constants, drop_layout_clones, sort_as_topk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantised:
    """The quantised program, what there is in place of a recipe, and the line of the model that each node is from."""

    program: ExportedProgram
    recipe: BackendRecipe
    lines: dict[str, str]


def quantise(program: TorchProgram, quantizer: Any, *, calibration: str | None, budget: str | None) -> Quantised:
    """The program, rounded where the quantiser says.

    Raises ConversionError for open sizes, QuantizationError without calibration or where the quantiser fails.
    """
    if program.signature.dims:
        raise ConversionError(
            "programs for microcontrollers have fixed sizes, and the model has open ones", fix="leave --dynamic out"
        )
    if calibration is None:
        raise QuantizationError("there are no calibration calls", fix="give real inputs with --calibration")
    plain = _plain(program)
    try:
        with torch.no_grad():
            prepared: Any = prepare_pt2e(plain, quantizer)
            calls = sum(1 for _ in _observed(prepared, program, calibration))
            quantised = torch.export.export(convert_pt2e(prepared), program.examples)
    except Exception as error:
        raise QuantizationError(
            f"{type(quantizer).__name__} could not quantise the model: {type(error).__name__}: {_first_line(error)}",
            fix="read the log; another backend may take the model",
        ) from error
    recipe = BackendRecipe(
        quantizer=type(quantizer).__name__,
        calls=calls,
        calibration_sha256=file_sha256(Path(calibration)),
        steps=_steps(quantised, [spec.name for spec in program.signature.outputs]),
        budget=budget,
    )
    lines = {node.name: line_of(node) for node in prepared.graph.nodes if node.op == "call_function"}
    return Quantised(program=quantised, recipe=recipe, lines=lines)


def _plain(program: TorchProgram) -> fx.GraphModule:
    """The program as the quantisers know it: no guards, which they take for operators of the model."""
    exported = program.exported
    for rewrite in _PASSES:
        exported = rewrite(exported)
    # Exported once more, since passes of the quantisers take sizes from what tracing left on the nodes.
    again = torch.export.export(exported.module(check_guards=False), program.examples)
    module: Any = again.module(check_guards=False)
    return module


def _observed(prepared: Any, program: TorchProgram, calibration: str) -> Iterator[None]:
    for call in read_calls(Path(calibration)):
        moved = to_artifact(call, program.layouts)
        prepared(*(torch.from_numpy(moved[spec.name]) for spec in program.signature.inputs))
        yield


def _steps(program: ExportedProgram, names: list[str]) -> dict[str, float]:
    """The scales of outputs that are integers right before they are given."""
    given: Any = program.graph_module.graph.output_node().args[0]
    return {
        name: node.args[1]
        for name, node in zip(names, given, strict=False)
        if isinstance(node, fx.Node) and _ROUNDED in str(node.target) and isinstance(node.args[1], float)
    }


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "it did not say why")
