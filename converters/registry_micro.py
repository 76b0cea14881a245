"""The ways to the micro-edge backends, as rows of text alone: listing them imports nothing."""

from __future__ import annotations

from typing import NamedTuple

from .artifact import Format
from .micro_backends import names_for
from .precision import Precision
from .registry_rows import FROM_KERAS, FROM_ONNX, FROM_TORCH, ConverterRow
from .worker.stacks import Stack

_FAMILY = "micro"
_SIMULATOR = f"{FROM_TORCH}.micro.simulate:simulate"


class _Form(NamedTuple):
    """What a format needs. `simulator` is there where the backend quantises by itself.

    An ExecuTorch program must have the form that its backend's compiler knows, so its quantiser makes it. LiteRT is
    quantised by the same recipe as other LiteRT artifacts, then compiled; in `int8` operators at the ends take or give
    floats, which neither the NPU nor tflite-micro does.
    """

    cost: float
    needs: tuple[str, ...]
    extra: str
    precision: Precision
    simulator: str = ""


class _Origin(NamedTuple):
    """What opening a source takes, and whether there is an ONNX graph of it."""

    needs: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    has_graph: bool = False


_FORMS = {
    Format.EXECUTORCH: _Form(14, ("torch", "executorch"), "executorch", Precision.INT8, _SIMULATOR),
    Format.LITERT: _Form(12, ("torch", "litert_torch"), "litert", Precision.INT8_FULL),
}
_ORIGINS = {
    "torch": _Origin(),
    "keras": _Origin(("keras",), ("keras",), has_graph=True),
    "tensorflow": _Origin(("onnx",), ("keras", "onnx"), has_graph=True),
    "onnx": _Origin(("onnx",), ("onnx",)),
}


def _row(made: Format, origin: str, entry: str) -> ConverterRow:
    """The row of a format; a graph made on the way is what there is to try where torch cannot hold a Keras model."""
    form, brings = _FORMS[made], _ORIGINS[origin]
    return ConverterRow(
        origin=origin,
        format=made,
        entry=entry,
        stack=Stack.MICRO,
        cost=form.cost,
        needs=(*brings.needs, *form.needs),
        extra=",".join((*brings.extra, form.extra)),
        backends=names_for(made),
        precisions=(form.precision,),
        family=_FAMILY,
        simulator=form.simulator,
        detour="onnx" if brings.has_graph else None,
        from_graph=brings.has_graph and origin != "keras",
    )


MICRO_CONVERTERS = (
    _row(Format.EXECUTORCH, "torch", f"{FROM_TORCH}.micro.executorch:convert"),
    _row(Format.LITERT, "torch", f"{FROM_TORCH}.micro.litert:convert"),
    _row(Format.EXECUTORCH, "keras", f"{FROM_KERAS}.bridge:convert_micro_executorch"),
    _row(Format.LITERT, "keras", f"{FROM_KERAS}.bridge:convert_micro_litert"),
    _row(Format.EXECUTORCH, "tensorflow", f"{FROM_ONNX}.convert:convert_micro_executorch"),
    _row(Format.LITERT, "tensorflow", f"{FROM_ONNX}.convert:convert_micro_litert"),
    _row(Format.EXECUTORCH, "onnx", f"{FROM_ONNX}.convert:convert_micro_executorch"),
    _row(Format.LITERT, "onnx", f"{FROM_ONNX}.convert:convert_micro_litert"),
)
