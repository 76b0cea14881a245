"""Inlines the functions that TensorFlow would compile with XLA, as it does with all others."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from tensorflow.python.eager.polymorphic_function.attributes import XLA_COMPILE
from tensorflow.python.framework import convert_to_constants


@contextmanager
def inlined_functions() -> Generator[None]:
    """Within the block, freezing a function leaves no calls of functions marked with jit_compile.

    TensorFlow has no grouped convolution on CPU, so Keras 3.15 wraps one in tf.function(jit_compile=True)
    (keras/src/backend/tensorflow/nn.py, conv). Grappler does not inline such a function, and tf2onnx has no form of
    the call that stays (https://github.com/onnx/tensorflow-onnx/issues/2099, open as of 1.17). The mark says how to
    run the function, not what it computes, and nothing of it goes into an ONNX graph.
    """
    export = convert_to_constants.export_meta_graph

    def export_unmarked(*, graph_def: Any, **options: Any) -> Any:
        for function in graph_def.library.function:
            _unmark(function)
            for node in function.node_def:
                _unmark(node)
        for node in graph_def.node:
            _unmark(node)
        return export(graph_def=graph_def, **options)

    with patch.object(convert_to_constants, "export_meta_graph", export_unmarked):
        yield


def _unmark(marked: Any) -> None:
    if XLA_COMPILE in marked.attr:
        del marked.attr[XLA_COMPILE]
