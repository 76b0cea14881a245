"""ONNX element types as torch dtypes."""

from __future__ import annotations

import torch
from onnx import TensorProto

from ..errors import UnsupportedOperators

_DTYPES: dict[int, torch.dtype] = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.BFLOAT16: torch.bfloat16,
    TensorProto.INT8: torch.int8,
    TensorProto.INT16: torch.int16,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.UINT8: torch.uint8,
    TensorProto.UINT16: torch.uint16,
    TensorProto.UINT32: torch.uint32,
    TensorProto.UINT64: torch.uint64,
    TensorProto.BOOL: torch.bool,
}


def torch_dtype(element_type: int) -> torch.dtype:
    """The torch dtype of an ONNX element type; UnsupportedOperators where torch has none."""
    if element_type not in _DTYPES:
        name = TensorProto.DataType.Name(element_type)
        raise UnsupportedOperators(
            f"the ONNX graph holds tensors of type {name}, which a torch program cannot hold",
            fix="keep strings and complex numbers out of the model, or convert it only to litert and onnx",
        )
    return _DTYPES[element_type]
