"""A PyTorch source behind named arrays."""

from __future__ import annotations

import functools
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch
from torch.jit._fuser import optimized_execution

from ..errors import SourceError
from ..jitter import moved
from ..live_source import describe_call
from ..source import Source
from ..tensors import Call
from .flatten import FlatModule, named_outputs
from .program import fingerprint_of, flat_source
from .table_watch import TableWatch


class TorchSource:
    """The model in evaluation mode; implements LiveSource."""

    def __init__(self, flat: FlatModule, tensors: tuple[torch.Tensor, ...], *, fingerprint: str = "") -> None:
        self.fingerprint = fingerprint
        self._flat = flat
        self._examples = {name: tensor.numpy() for name, tensor in zip(flat.input_names, tensors, strict=True)}

    @property
    def examples(self) -> Call:
        """One call that the model is known to take."""
        return self._examples

    @property
    def parameters(self) -> int:
        """How many numbers it has learnt."""
        return sum(parameter.numel() for parameter in self._flat.parameters())

    def run(self, call: Call) -> dict[str, np.ndarray]:
        """The outputs of one call by name; SourceError if the model raises."""
        named = self._outputs(call, self._tensors(call))
        return {name: tensor.detach().resolve_conj().resolve_neg().numpy() for name, tensor in named.items()}

    def tables(self) -> dict[str, int]:
        """The fewest rows of the tables that each input chooses from in the examples; SourceError if none can be seen.

        TorchScript is not optimised meanwhile: what its executor fuses cannot be watched.
        """
        tensors = self._tensors(self._examples)
        watch = TableWatch(dict(zip(self._flat.input_names, tensors, strict=True)))
        with optimized_execution(should_optimize=False), watch:
            self._outputs(self._examples, tensors)
        return watch.rows

    def _tensors(self, call: Call) -> list[torch.Tensor]:
        """Copies: a model that writes into its input must not change the stored samples."""
        return [torch.from_numpy(call[name].copy()) for name in self._flat.input_names]

    def _outputs(self, call: Call, tensors: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        try:
            with torch.no_grad():
                return named_outputs(self._flat.call(tensors))
        except SourceError:
            raise
        except Exception as error:
            raise SourceError(
                f"the model raised {type(error).__name__} on {describe_call(call)}: {error}",
                fix="check shapes and dtypes of the example inputs (--input)",
            ) from error

    @contextmanager
    def jittered(self, generator: np.random.Generator) -> Generator[None]:
        """Meanwhile every weight is moved by up to one float32 ulp."""
        weights = list(self._flat.parameters())
        before = [weight.detach().clone() for weight in weights]
        try:
            for weight in weights:
                if weight.dtype is torch.float32:
                    weight.data.copy_(torch.from_numpy(moved(weight.detach().numpy(), generator)))
            yield
        finally:
            for weight, value in zip(weights, before, strict=True):
                weight.data.copy_(value)


@functools.lru_cache(maxsize=1)
def open_source(source: Source) -> TorchSource:
    """Load a PyTorch source, once per worker."""
    return TorchSource(*flat_source(source), fingerprint=fingerprint_of(source))
