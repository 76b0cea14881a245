"""The ways to the micro-edge backends, as rows of text alone: listing them imports nothing."""

from __future__ import annotations

from .artifact import Format
from .micro_backends import names_for
from .precision import Precision
from .registry_rows import FROM_KERAS, FROM_TORCH, ConverterRow
from .worker.stacks import Stack

_FAMILY = "micro"
_SIMULATOR = f"{FROM_TORCH}.micro.simulate:simulate"


def _executorch(origin: str, entry: str, *, needs: tuple[str, ...] = (), extra: str = "executorch") -> ConverterRow:
    """Quantised by the backend's own quantiser: what it is given must have the form that its compiler knows."""
    return ConverterRow(
        origin=origin,
        format=Format.EXECUTORCH,
        entry=entry,
        stack=Stack.MICRO,
        cost=14,
        needs=(*needs, "torch", "executorch"),
        extra=extra,
        backends=names_for(Format.EXECUTORCH),
        precisions=(Precision.INT8,),
        family=_FAMILY,
        simulator=_SIMULATOR,
    )


def _litert(origin: str, entry: str, *, needs: tuple[str, ...] = (), extra: str = "litert") -> ConverterRow:
    """Quantised by the same recipe as other LiteRT artifacts, then compiled by Vela.

    In `int8` operators at the ends take or give floats, which neither the NPU nor tflite-micro does.
    """
    return ConverterRow(
        origin=origin,
        format=Format.LITERT,
        entry=entry,
        stack=Stack.MICRO,
        cost=12,
        needs=(*needs, "torch", "litert_torch"),
        extra=extra,
        backends=names_for(Format.LITERT),
        precisions=(Precision.INT8_FULL,),
        family=_FAMILY,
    )


MICRO_CONVERTERS = (
    _executorch("torch", f"{FROM_TORCH}.micro.executorch:convert"),
    _litert("torch", f"{FROM_TORCH}.micro.litert:convert"),
    _executorch("keras", f"{FROM_KERAS}.bridge:convert_micro_executorch", needs=("keras",), extra="keras,executorch"),
    _litert("keras", f"{FROM_KERAS}.bridge:convert_micro_litert", needs=("keras",), extra="keras,litert"),
)
