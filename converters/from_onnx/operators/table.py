"""The table of operators: one function by type, and by domain where it is not ONNX's own."""

from __future__ import annotations

from . import (
    activation,
    convolution,
    elementwise,
    indexing,
    left_by_tensorflow,
    linear,
    normalisation,
    padding,
    pooling,
    recurrent,
    reduction,
    resizing,
    scattering,
    shape,
    whole_layers,
)
from .calling import Operator

_KINDS = (
    activation,
    convolution,
    elementwise,
    indexing,
    left_by_tensorflow,
    linear,
    normalisation,
    padding,
    pooling,
    recurrent,
    reduction,
    resizing,
    scattering,
    shape,
    whole_layers,
)

OPERATORS: dict[str, Operator] = {name: operator for kind in _KINDS for name, operator in kind.OPERATORS.items()}
