"""Keras models as ONNX graphs, made the way the converter does and run by ONNX Runtime."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf

from edgeproof.converters.from_tensorflow.onnx import lower
from edgeproof.converters.from_tensorflow.program import TensorFlowProgram
from edgeproof.converters.signature import Signature


def function_of(model: keras.Model) -> tuple[Any, tuple[Any, ...]]:
    """A model with one input and one output as a function that is not yet traced, and what it takes."""
    specs = (tf.TensorSpec((1, *model.input_shape[1:]), name="x"),)
    return tf.function(lambda x: {"y": model(x, training=False)}, input_signature=specs, autograph=False), specs


def onnx_of(model: keras.Model) -> onnx.ModelProto:
    """The ONNX graph of a model with one input and one output."""
    function, specs = function_of(model)
    signature = Signature(inputs=(), outputs=())
    return lower(
        TensorFlowProgram(function=function, specs=specs, trackable=tf.Module(), signature=signature, layouts={})
    )


def largest_difference(model: keras.Model, graph: onnx.ModelProto, x: np.ndarray) -> float:
    """Between what Keras makes of x and what ONNX Runtime does."""
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {session.get_inputs()[0].name: x})
    return float(np.abs(np.asarray(y) - np.asarray(model(x, training=False))).max())


def operators(graph: onnx.ModelProto) -> set[str]:
    """The kinds of operators of a graph."""
    return {node.op_type for node in graph.graph.node}
