"""Keeps the tensors that a function captured from becoming inputs of its ONNX graph."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import tf2onnx


@contextmanager
def captured_constants() -> Generator[None]:
    """Within the block, tf2onnx takes the arguments of a function for its inputs, and nothing else.

    A layer may hold plain tensors beside its variables: the mean and variance of Normalization are some. TensorFlow
    lists what a function captures behind its arguments in `inputs`. Freezing makes constants of all of it, and
    tf2onnx 1.17 (convert.py, from_function) turns those that are no variables into inputs again, since it took
    their names before.
    """
    convert = tf2onnx.convert._convert_common

    def convert_arguments(frozen: Any, *, input_names: Sequence[str], **options: Any) -> Any:
        constants = {node.name for node in frozen.node if node.op == "Const"}
        arguments = [name for name in input_names if name.partition(":")[0] not in constants]
        return convert(frozen, input_names=arguments, **options)

    with patch.object(tf2onnx.convert, "_convert_common", convert_arguments):
        yield
