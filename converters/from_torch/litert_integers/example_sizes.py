"""Finds how large a file's tensors are on the example input, where the file itself leaves sizes open."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from torch.export import ExportedProgram

from ..static_sizes import example_shapes


def example_sizes(payload: bytes, program: ExportedProgram) -> dict[int, tuple[int, ...]]:
    """The sizes of the first graph's tensors by number, after one call with inputs as large as the program's examples.

    The call is with zeros: what counts is the shapes.
    """
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=payload, experimental_op_resolver_type=plain)
    inputs = interpreter.get_input_details()
    shapes = list(example_shapes(program))
    for details, shape in zip(inputs, shapes, strict=True):
        interpreter.resize_tensor_input(details["index"], shape)
    interpreter.allocate_tensors()
    for details, shape in zip(inputs, shapes, strict=True):
        interpreter.set_tensor(details["index"], np.zeros(shape, details["dtype"]))
    interpreter.invoke()
    return {details["index"]: tuple(map(int, details["shape"])) for details in interpreter.get_tensor_details()}
