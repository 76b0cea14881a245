"""A source as one TensorFlow function of named tensors, whatever kind of file it came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, SourceError


@dataclass(frozen=True, slots=True)
class Argument:
    """An input: numpy's name of its dtype, and its sizes, None where they are open."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFlowFunction:
    """`call` takes tensors in the order of `inputs` and gives the outputs by name; `trackable` owns the variables.

    `weights` gives the values of what it has learnt, `made_by` names the packages that run it, `examples` are the
    inputs that came with it, if any did.
    """

    inputs: tuple[Argument, ...]
    call: Callable[[Sequence[Any]], dict[str, Any]]
    trackable: Any
    weights: Callable[[], list[np.ndarray]]
    made_by: tuple[str, ...] = ("tensorflow",)
    examples: Any = None

    def call_in_order(self, tensors: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
        """The outputs called `names`."""
        found = self.call(tensors)
        if set(found) != set(names):
            raise SourceError(
                f"the function gave {', '.join(found)} where {', '.join(names)} were expected",
                fix="give the same file again",
            )
        return tuple(found[name] for name in names)


def examples_for(function: TensorFlowFunction, given: Any) -> dict[str, np.ndarray]:
    """One call that the function takes: what was given, else seeded numbers; InputError where sizes are open."""
    if given is None:
        generator = np.random.default_rng(0)
        return {argument.name: _draw(argument, generator) for argument in function.inputs}
    names = [argument.name for argument in function.inputs]
    if isinstance(given, Mapping) and set(given) == set(names):
        return {name: np.ascontiguousarray(given[name]) for name in names}
    named = given if isinstance(given, Mapping) else {}
    values = list(given.values()) if isinstance(given, Mapping) else _listed(given)
    if len(values) != len(names) or not all(str(name).startswith("input_") for name in named):
        raise InputError(
            f"the model takes {', '.join(names)}, not {', '.join(map(str, named)) or f'{len(values)} inputs'}",
            fix=f'name the inputs as the model does: --input "{names[0] if names else "x"}:float32[...]"',
        )
    return {name: np.ascontiguousarray(value) for name, value in zip(names, values, strict=True)}


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _draw(argument: Argument, generator: np.random.Generator) -> np.ndarray:
    shape = (1 if size is None and place == 0 else size for place, size in enumerate(argument.shape))
    sizes = tuple(shape)
    known = tuple(size for size in sizes if size is not None)
    if len(known) != len(sizes):
        example = ",".join("64" if size is None else str(size) for size in sizes)
        shown = ",".join("?" if size is None else str(size) for size in argument.shape)
        raise InputError(
            f"the input {argument.name!r} has open sizes [{shown}]",
            fix=f'say which to use: --input "{argument.name}:{argument.dtype}[{example}]"',
        )
    dtype = np.dtype(argument.dtype)
    if dtype.kind == "f":
        return generator.standard_normal(known).astype(dtype)
    return generator.integers(0, 2, known).astype(dtype)
