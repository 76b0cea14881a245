"""Lets litert-torch write a whole number as wide as the tensors it meets."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from litert_converter.mlir import ir
from litert_torch.backend import export, lowerings


@contextmanager
def wide_numbers() -> Generator[None]:
    """Write the number in operators on int64 tensors and a number, such as x * 3, in 64 bits.

    litert-torch 0.10.0 writes it in 32 (backend/export.py, LoweringInterpreter.call_function): the tensor follows it
    down, so that x * 3 loses its upper half, and x - 2**35 subtracts nothing.
    """
    interpreter: Any = export.LoweringInterpreter
    narrow = interpreter.call_function

    def call_function(self: Any, target: Any, arguments: tuple[Any, ...], options: Any) -> Any:
        if isinstance(target, torch._ops.OpOverload) and any(_is_wide(value) for value in arguments):
            pairs = zip(arguments, target._schema.arguments, strict=False)
            arguments = tuple(_widened(value, argument) for value, argument in pairs)
        return narrow(self, target, arguments, options)

    with patch.object(interpreter, "call_function", call_function):
        yield


def _is_wide(value: Any) -> bool:
    if not isinstance(value, ir.Value):
        return False
    element = value.type.element_type
    return isinstance(element, ir.IntegerType) and element.width == 64


def _widened(value: Any, argument: Any) -> Any:
    if type(value) is int and isinstance(argument.type, torch.TensorType):
        return lowerings.utils.splat(value, ir.IntegerType.get_signless(64))
    return value
