"""Makes any Keras model take a flat list of named tensors and return named ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ..errors import InputError, SourceError


class FlatModel:
    """A model with the nesting of its inputs taken away; `input_names` are in call order."""

    def __init__(self, model: keras.Model, given: Any) -> None:
        self.model = model
        structure = given if given is not None else _examples_from_shapes(model)
        self._structure = _fit(model, structure)
        self.input_names = tuple(_input_names(model, self._structure))
        self.examples = [np.ascontiguousarray(leaf) for leaf in keras.tree.flatten(self._structure)]

    def call(self, tensors: Sequence[Any]) -> dict[str, Any]:
        """The outputs by name, in the model's order, for tensors of the backend in input order."""
        nested = keras.tree.pack_sequence_as(self._structure, list(tensors))
        return named_outputs(self.model, self.model(nested, training=False))

    def call_in_order(self, tensors: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
        """The outputs called `names`; SourceError if this backend names them differently."""
        found = self.call(tensors)
        if set(found) != set(names):
            raise SourceError(
                f"the model's outputs are {list(found)} under this backend, and {list(names)} under TensorFlow",
                fix="return a mapping with names of your own from the model",
            )
        return tuple(found[name] for name in names)


def _inputs_of(model: keras.Model) -> list[Any]:
    """The symbolic inputs of a functional model; a subclassed one has none until it was built as one."""
    return list(getattr(model, "inputs", None) or [])


def _examples_from_shapes(model: keras.Model) -> Any:
    """Seeded example inputs from the shapes a built model knows; InputError where it does not."""
    if not _inputs_of(model):
        raise InputError(
            f"{type(model).__name__} does not say what its inputs are",
            fix='give one --input per input, such as --input "image:float32[1,224,224,3]", or return (model, inputs)',
        )
    generator = np.random.default_rng(0)
    structure = getattr(model, "_inputs_struct", None)
    nested = structure if structure is not None else _inputs_of(model)
    return keras.tree.map_structure(lambda tensor: _draw(tensor, generator), nested)


def _draw(tensor: Any, generator: np.random.Generator) -> np.ndarray:
    shape = (1 if tensor.shape[0] is None else tensor.shape[0], *tensor.shape[1:])
    if any(size is None for size in shape):
        example = ",".join("64" if size is None else str(size) for size in shape)
        raise InputError(
            f"the input {tensor.name!r} has open sizes {list(tensor.shape)}",
            fix=f'say which to use: --input "{tensor.name}:{tensor.dtype}[{example}]"',
        )
    dtype = np.dtype(tensor.dtype)
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(0, 2, shape).astype(dtype)


def _fit(model: keras.Model, given: Any) -> Any:
    """The given examples in the nesting that the model's call takes."""
    if isinstance(given, Mapping) and _inputs_of(model):
        by_name = {tensor.name: tensor for tensor in _inputs_of(model)}
        if set(given) == set(by_name):
            ordered = [np.asarray(given[name]) for name in by_name]
            structure = getattr(model, "_inputs_struct", None)
            return keras.tree.pack_sequence_as(list(by_name) if structure is None else structure, ordered)
        if all(name.startswith("input_") for name in given) and len(given) == len(by_name):
            return _single(list(given.values()))
        raise InputError(
            f"the model takes {', '.join(by_name)}, not {', '.join(given)}",
            fix=f'name the inputs as the model does: --input "{next(iter(by_name))}:float32[...]"',
        )
    if isinstance(given, Mapping) and len(given) == 1:
        return np.asarray(next(iter(given.values())))
    if isinstance(given, (tuple, list)):
        return _single([np.asarray(value) for value in given])
    return keras.tree.map_structure(np.asarray, given)


def _single(arrays: list[np.ndarray]) -> Any:
    return arrays[0] if len(arrays) == 1 else arrays


def _input_names(model: keras.Model, structure: Any) -> Iterator[str]:
    count = len(keras.tree.flatten(structure))
    if len(_inputs_of(model)) == count:
        yield from (tensor.name for tensor in _inputs_of(model))
    elif isinstance(structure, Mapping):
        yield from (str(key) for key in sorted(structure))
    elif count == 1:
        yield "input"
    else:
        yield from (f"input_{index}" for index in range(count))


def named_outputs(model: keras.Model, value: Any) -> dict[str, Any]:
    """The tensors of a model's result by name.

    Names come from the keys of a mapping, from the output layers of a functional model, else "output" for one
    and "output_0" and on for several. Raises SourceError for anything that is no tensor.
    """
    if isinstance(value, Mapping):
        return {str(key): _checked(value[key]) for key in value}
    flat = keras.tree.flatten(value)
    names = getattr(model, "output_names", None)
    if not (names and len(set(names)) == len(flat)):
        names = ["output"] if len(flat) == 1 else [f"output_{index}" for index in range(len(flat))]
    return {name: _checked(tensor) for name, tensor in zip(names, flat, strict=True)}


def _checked(tensor: Any) -> Any:
    if not keras.ops.is_tensor(tensor):
        raise SourceError(
            f"the model returned a {type(tensor).__name__}, which is no tensor", fix="return tensors from call()"
        )
    return tensor
