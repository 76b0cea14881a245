"""A program as a LiteRT file in a smaller precision than float32.

LiteRT's converter is given the program with its roundings and float weights, and writes QUANTIZE and DEQUANTIZE where
they stand. Layers between them are folded into integer kernels afterwards, in the file: every scale is the program's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch.export import ExportedProgram

from ...inspection.litert_execution import read_litert_execution
from ...precision import Precision
from ..litert_file import read_model, write_model
from ..litert_flatbuffer import refuse_unloadable
from ..lowering import Lowering
from ..program import TorchProgram
from ..quantized.decisions import spared_for
from ..quantized.room_for_biases import room_for_biases
from ..static_sizes import has_open_sizes
from .example_sizes import example_sizes
from .floating import BARRIER, in_float
from .graph import Graph
from .interface import take_fixed_scales, take_integers
from .kernels import compute_in_integers
from .moving import drop_barriers, spread
from .storing import store_halves, store_weights
from .weights import Weights

LowerFloat = Callable[[ExportedProgram], Lowering]


def lower(program: TorchProgram, lower_float: LowerFloat) -> Lowering:
    """The LiteRT model of a program in its precision, which is not float32; `lower_float` lowers programs in that.

    Raises QuantizationError for `int8-full` where an operator stays in float.
    """
    if program.precision is Precision.FP16:
        lowering = lower_float(program.exported)
        payload = halved(lowering.payload)
        refuse_unloadable(payload)
        return replace(lowering, payload=payload)
    return lower_quantized(program.to_lower(), program.precision, lower_float)


def lower_quantized(program: ExportedProgram, precision: Precision, lower_float: LowerFloat) -> Lowering:
    """The LiteRT model of a quantised program, and what it computes in integers."""
    spared = spared_for("litert", program)
    # Kernels for activations in 16 bits have biases of 64.
    wide = precision is Precision.INT16X8
    floating, constants = in_float(spared.program if wide else room_for_biases(spared.program))
    lowering = lower_float(floating)
    payload = in_integers(lowering.payload, Weights(constants), whole=precision is Precision.INT8_FULL)
    refuse_unloadable(payload)
    sizes = example_sizes(payload, program) if has_open_sizes(program) else None
    execution = read_litert_execution(memoryview(payload), sizes)
    return replace(lowering, payload=payload, execution=execution, spared=spared.reasons)


def in_integers(payload: bytes, weights: Weights, *, whole: bool = False) -> bytes:
    """The file with layers between QUANTIZE and DEQUANTIZE on integers, and `weights` stored as such.

    `whole` wants no float anywhere, the inputs and outputs included.
    """
    model = read_model(payload)
    for subgraph in model.subgraphs:
        graph = Graph(model, subgraph)
        drop_barriers(graph, BARRIER)
        spread(graph)
        compute_in_integers(graph, weights)
        if whole:
            take_fixed_scales(graph)
            spread(graph)
        store_weights(graph, weights)
        if whole:
            take_integers(graph)
        graph.close()
    return write_model(model)


def halved(payload: bytes) -> bytes:
    """The file with its float constants in 16 bits; it computes in float32 where no backend computes in float16."""
    model = read_model(payload)
    for subgraph in model.subgraphs:
        graph = Graph(model, subgraph)
        store_halves(graph)
        graph.close()
    return write_model(model)
