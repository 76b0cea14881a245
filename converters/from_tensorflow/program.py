"""A model as a TensorFlow function with named tensors and the signature's static or open sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from ..job import ConvertJob, Layout
from ..layouts import axes_to, layouts_of, move_axes, other
from ..signature import Signature, TensorSpec

CallInOrder = Callable[[Sequence[Any], Sequence[str]], Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFlowProgram:
    """A concrete function of named tensors; `trackable` owns its variables."""

    function: Any
    specs: tuple[Any, ...]
    trackable: Any
    signature: Signature
    layouts: dict[str, str]


def program_of(job: ConvertJob, *, call: CallInOrder, trackable: Any) -> TensorFlowProgram:
    """The function that a job converts: inference mode, flat arguments, outputs as a mapping by name.

    `call` takes tensors in input order and the names of the outputs to give, in that order; `trackable` is what
    owns its variables.
    """
    layouts = layouts_of(job.signature, job.options, of_source=Layout.NHWC)
    signature = move_axes(job.signature, layouts)
    specs = tuple(_tensor_spec(spec) for spec in signature.inputs)

    def serve(*tensors: Any) -> dict[str, Any]:
        inputs = [_back(tensor, spec.name, layouts) for tensor, spec in zip(tensors, signature.inputs, strict=True)]
        results = call(inputs, [spec.name for spec in signature.outputs])
        return {
            spec.name: _forth(tensor, spec.name, layouts)
            for spec, tensor in zip(signature.outputs, results, strict=True)
        }

    holder: Any = tf.Module()
    holder.model = trackable
    function = tf.function(serve, input_signature=specs, autograph=False, jit_compile=False)
    return TensorFlowProgram(function=function, specs=specs, trackable=holder, signature=signature, layouts=layouts)


def _tensor_spec(spec: TensorSpec) -> Any:
    sizes: Sequence[int | None] = [None if isinstance(size, str) else size for size in spec.shape]
    return tf.TensorSpec(sizes, tf.dtypes.as_dtype(spec.dtype), name=spec.name)


def _back(tensor: Any, name: str, layouts: dict[str, str]) -> Any:
    """An input in the source's layout."""
    if name not in layouts:
        return tensor
    return tf.transpose(tensor, axes_to(other(layouts[name])))


def _forth(tensor: Any, name: str, layouts: dict[str, str]) -> Any:
    return tf.transpose(tensor, axes_to(layouts[name])) if name in layouts else tensor
