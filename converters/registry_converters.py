"""Edgeproof's own ways from an origin to a format, as rows of text alone: listing them imports nothing."""

from __future__ import annotations

from typing import NamedTuple

from .artifact import Format
from .precision import Precision
from .registry_rows import FROM_KERAS, FROM_ONNX, FROM_TENSORFLOW, FROM_TORCH, ConverterRow
from .worker.stacks import Stack

_ANY = (Precision.FP32, Precision.FP16, Precision.INT8, Precision.INT8_DYNAMIC, Precision.INT8_WEIGHTS)
_ANY_LITERT = (*_ANY, Precision.INT8_FULL, Precision.INT16X8)


class _Made(NamedTuple):
    """What a format needs when it is made of a torch program, whichever framework the program comes from."""

    cost: float
    needs: tuple[str, ...]
    extra: str
    backends: tuple[str, ...]
    precisions: tuple[Precision, ...]


_FORMS = {
    Format.TORCHSCRIPT: _Made(2, ("torch",), "torch", ("torch",), _ANY),
    Format.EXECUTORCH: _Made(10, ("torch", "executorch"), "executorch", ("xnnpack", "portable"), _ANY),
    Format.LITERT: _Made(9, ("torch", "litert_torch"), "litert", ("xnnpack",), _ANY_LITERT),
    Format.ONNX: _Made(4, ("torch", "onnx", "onnxscript"), "onnx", ("cpu",), _ANY),
}


def _of_a_program(  # noqa: PLR0913 (the columns of the table, keyword-only)
    format_made: Format,
    *,
    origin: str,
    entry: str,
    stack: Stack = Stack.TORCH,
    needs: tuple[str, ...] = (),
    extra: tuple[str, ...] = (),
    without_fp32: bool = False,
    detour: str | None = None,
    from_graph: bool = False,
) -> ConverterRow:
    """A row that makes a format of a torch program; `needs` and `extra` are for making the program itself."""
    made = _FORMS[format_made]
    return ConverterRow(
        origin=origin,
        format=format_made,
        entry=entry,
        stack=stack,
        cost=made.cost,
        needs=tuple(dict.fromkeys((*needs, *made.needs))),
        extra=",".join(dict.fromkeys((*extra, made.extra))),
        backends=made.backends,
        precisions=tuple(each for each in made.precisions if not without_fp32 or each is not Precision.FP32),
        detour=detour,
        from_graph=from_graph,
    )


def _from_torch(made: Format) -> ConverterRow:
    return _of_a_program(made, origin="torch", entry=f"{FROM_TORCH}.{made}:convert")


def _from_keras(made: Format, *, without_fp32: bool = False) -> ConverterRow:
    return _of_a_program(
        made,
        origin="keras",
        entry=f"{FROM_KERAS}.bridge:convert_{made}",
        stack=Stack.KERAS_TORCH,
        needs=("keras",),
        extra=("keras",),
        without_fp32=without_fp32,
        detour="onnx",
    )


def _from_graph(made: Format, *, origin: str, without_fp32: bool = False) -> ConverterRow:
    """By way of an ONNX graph, which for a TensorFlow source is made first."""
    of_tensorflow = origin == "tensorflow"
    return _of_a_program(
        made,
        origin=origin,
        entry=f"{FROM_ONNX}.convert:convert_{made}",
        needs=("onnx",),
        extra=("keras", "onnx") if of_tensorflow else ("onnx",),
        without_fp32=without_fp32,
        detour="onnx" if of_tensorflow else None,
        from_graph=of_tensorflow,
    )


CONVERTERS = (
    _from_torch(Format.TORCHSCRIPT),
    _from_torch(Format.EXECUTORCH),
    _from_torch(Format.LITERT),
    _from_torch(Format.ONNX),
    _from_keras(Format.TORCHSCRIPT),
    _from_keras(Format.EXECUTORCH),
    ConverterRow(
        origin="keras",
        format=Format.LITERT,
        entry=f"{FROM_KERAS}.program:convert_litert",
        stack=Stack.TENSORFLOW,
        cost=4,
        needs=("keras", "tensorflow"),
        extra="keras",
        backends=("xnnpack",),
    ),
    ConverterRow(
        origin="keras",
        format=Format.ONNX,
        entry=f"{FROM_KERAS}.program:convert_onnx",
        stack=Stack.TENSORFLOW,
        cost=5,
        needs=("keras", "tensorflow", "tf2onnx"),
        extra="keras,onnx",
        backends=("cpu",),
    ),
    _from_keras(Format.LITERT, without_fp32=True),
    _from_keras(Format.ONNX, without_fp32=True),
    _from_graph(Format.TORCHSCRIPT, origin="tensorflow"),
    _from_graph(Format.EXECUTORCH, origin="tensorflow"),
    ConverterRow(
        origin="tensorflow",
        format=Format.LITERT,
        entry=f"{FROM_TENSORFLOW}.litert:convert",
        stack=Stack.TF_KERAS,
        cost=4,
        needs=("tensorflow",),
        extra="keras",
        backends=("xnnpack",),
    ),
    ConverterRow(
        origin="tensorflow",
        format=Format.ONNX,
        entry=f"{FROM_TENSORFLOW}.onnx:convert",
        stack=Stack.TF_KERAS,
        cost=5,
        needs=("tensorflow", "tf2onnx"),
        extra="keras,onnx",
        backends=("cpu",),
    ),
    _from_graph(Format.LITERT, origin="tensorflow", without_fp32=True),
    _from_graph(Format.ONNX, origin="tensorflow", without_fp32=True),
    _from_graph(Format.TORCHSCRIPT, origin="onnx"),
    _from_graph(Format.EXECUTORCH, origin="onnx"),
    _from_graph(Format.LITERT, origin="onnx", without_fp32=True),
    _from_graph(Format.ONNX, origin="onnx", without_fp32=True),
)
