"""A TensorFlow source behind named arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from ..errors import SourceError
from ..example_inputs import inputs_from
from ..fingerprint import fingerprint, require_same
from ..job import ConvertJob
from ..live_source import describe_call
from ..source import Source, SourceKind
from ..tensors import Call as ArrayCall
from ..worker.stages import stage
from .function import TensorFlowFunction, examples_for
from .keras_2 import open_keras_2
from .program import TensorFlowProgram, program_of
from .saved_model import open_saved_model

Call = Callable[[Sequence[Any]], dict[str, Any]]


def as_it_is(call: Call) -> Call:
    """Not compiled."""
    return call


class TensorFlowSource:
    """The function in inference mode; implements LiveSource."""

    def __init__(
        self, function: TensorFlowFunction, examples: ArrayCall, *, compiler: Callable[[Call], Call] = as_it_is
    ) -> None:
        self.function = function
        self._call = compiler(function.call)
        self._examples = examples

    @property
    def examples(self) -> ArrayCall:
        """One call that the model is known to take."""
        return self._examples

    @property
    def parameters(self) -> int:
        """How many numbers it has learnt."""
        return sum(array.size for array in self.function.weights())

    @functools.cached_property
    def fingerprint(self) -> str:
        """That of its weights."""
        return fingerprint(self.function.weights())

    def run(self, call: ArrayCall) -> dict[str, np.ndarray]:
        """The outputs of one call by name; SourceError if the function raises."""
        try:
            found = self._call([tf.convert_to_tensor(call[argument.name]) for argument in self.function.inputs])
        except Exception as error:
            raise SourceError(
                f"the model raised {type(error).__name__} on {describe_call(call)}: {_first_line(error)}",
                fix="check shapes and dtypes of the example inputs (--input)",
            ) from error
        return {name: tensor.numpy() for name, tensor in found.items()}

    def tables(self) -> dict[str, int]:
        """Nothing: a function's lookups are inside its graph, where nobody watches."""
        return {}

    @contextmanager
    def jittered(self, generator: np.random.Generator) -> Generator[None]:  # noqa: ARG002 (nothing is moved)
        """Its weights are constants of the function and stay, so that the inputs alone are moved."""
        yield


@functools.lru_cache(maxsize=1)
def open_source(source: Source) -> TensorFlowSource:
    """Load a TensorFlow source, once per worker."""
    with stage("load"):
        function = open_saved_model(source) if source.kind is SourceKind.SAVED_MODEL else open_keras_2(source)
        given = inputs_from(source.inputs) if source.inputs else function.examples
        return TensorFlowSource(function, examples_for(function, given))


def program_of_source(job: ConvertJob) -> TensorFlowProgram:
    """The function that a job converts; SourceError if its factory built another than the one that was described."""
    live = open_source(job.source)
    if job.fingerprint is not None:
        require_same(live.fingerprint, job.fingerprint)
    return program_of(job, call=live.function.call_in_order, trackable=live.function.trackable)


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
