"""A Keras source behind named arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from ..errors import SourceError
from ..example_inputs import inputs_from
from ..fingerprint import fingerprint
from ..jitter import moved
from ..live_source import describe_call
from ..source import Source
from ..tensors import Call as ArrayCall
from ..worker.stages import stage
from .flatten import FlatModel
from .load import load
from .table_watch import watched_tables

Call = Callable[[Sequence[Any]], dict[str, Any]]
Compiler = Callable[[Call], Call]


def as_it_is(call: Call) -> Call:
    """Not compiled."""
    return call


class KerasSource:
    """The model in inference mode; implements LiveSource."""

    def __init__(self, flat: FlatModel, *, compiler: Compiler = as_it_is) -> None:
        self.flat = flat
        self._call = compiler(flat.call)
        self._examples = dict(zip(flat.input_names, flat.examples, strict=True))

    @property
    def examples(self) -> ArrayCall:
        """One call that the model is known to take."""
        return self._examples

    @property
    def parameters(self) -> int:
        """How many numbers it has learnt."""
        return int(self.flat.model.count_params())

    @functools.cached_property
    def fingerprint(self) -> str:
        """That of its weights, which Keras stores alike under every backend."""
        if not getattr(self.flat.model, "inputs", None):  # a subclassed model may make its weights when it first runs
            self.run(self.examples)
        return fingerprint(self.flat.model.get_weights())

    def run(self, call: ArrayCall) -> dict[str, np.ndarray]:
        """The outputs of one call by name; SourceError if the model raises."""
        tensors = [keras.ops.convert_to_tensor(call[name]) for name in self.flat.input_names]
        try:
            named = self._call(tensors)
        except SourceError:
            raise
        except Exception as error:
            raise SourceError(
                f"the model raised {type(error).__name__} on {describe_call(call)}: {error}",
                fix="check shapes and dtypes of the example inputs (--input)",
            ) from error
        return {name: keras.ops.convert_to_numpy(tensor) for name, tensor in named.items()}

    def tables(self) -> dict[str, int]:
        """The fewest rows of the Embedding layers that each input chooses from in the examples."""
        with watched_tables(self._examples) as rows:
            self.run(self._examples)
        return rows

    @contextmanager
    def jittered(self, generator: np.random.Generator) -> Generator[None]:
        """Meanwhile every weight is moved by up to one float32 ulp."""
        before = self.flat.model.get_weights()
        try:
            self.flat.model.set_weights([moved(weight, generator) for weight in before])
            yield
        finally:
            self.flat.model.set_weights(before)


@functools.lru_cache(maxsize=1)
def open_source(source: Source) -> KerasSource:
    """Load a Keras source, once per worker."""
    with stage("load"):
        model, own = load(source)
        given = inputs_from(source.inputs) if source.inputs else own
        return KerasSource(FlatModel(model, given))
