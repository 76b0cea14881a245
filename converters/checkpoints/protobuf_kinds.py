"""Tells ONNX models and SavedModels by their first fields: protocol buffers have no magic number."""

from __future__ import annotations

from itertools import islice

from . import protobuf
from .malformed import Malformed

# Of onnx.proto's ModelProto; see the reader of ONNX files.
_MODEL_FIELDS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
_SCALAR_MODEL_FIELDS = frozenset({1, 5})
# Of tensorflow's saved_model.proto: a schema version, then one or more graphs.
_SAVED_MODEL_FIELDS = frozenset({1, 2})
_MOST_FIELDS = 100_000


def looks_like_onnx(data: memoryview) -> bool:
    """Whether the bytes start as a model does: ONNX has no magic number, but few possible first fields."""
    seen: set[int] = set()
    try:
        for number, value in islice(protobuf.fields(data), _MOST_FIELDS):
            if number not in _MODEL_FIELDS or isinstance(value, int) != (number in _SCALAR_MODEL_FIELDS):
                return False
            seen.add(number)
    except Malformed:
        return 1 in seen
    return {1, 7} <= seen


def looks_like_saved_model(data: memoryview) -> bool:
    """Whether the bytes are a saved_model.pb: the schema's version 1, then nothing but graphs."""
    seen: set[int] = set()
    try:
        for number, value in islice(protobuf.fields(data), _MOST_FIELDS):
            if number not in _SAVED_MODEL_FIELDS or isinstance(value, int) != (number == 1):
                return False
            if number == 1 and value != 1:
                return False
            seen.add(number)
    except Malformed:
        return False
    return seen == {1, 2}
