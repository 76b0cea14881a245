"""Makes any module take a flat list of named tensors and return one, whatever its own signature is."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree

from ..errors import InputError, SourceError

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class FlatModule(torch.nn.Module):
    """Calls `module` with the tensors put back into the nesting of its example inputs.

    `input_names` are in call order; the outputs come back as a tuple in the order of `named_outputs`.
    """

    def __init__(self, module: torch.nn.Module, arguments: Arguments) -> None:
        super().__init__()
        self.module = module
        leaves, self._tree = pytree.tree_flatten(arguments)
        self._is_tensor = [isinstance(leaf, torch.Tensor) for leaf in leaves]
        self._constants = [None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        self.input_names = tuple(input_names(module, arguments))

    @property
    def takes_only_tensors(self) -> bool:
        """Whether the module itself takes the inputs one by one, as they are and in their order."""
        args, kwargs = pytree.tree_unflatten([None] * len(self._is_tensor), self._tree)
        return all(self._is_tensor) and not kwargs and len(args) == len(self._is_tensor)

    def call(self, tensors: Sequence[torch.Tensor]) -> Any:
        """What the module itself returns for these inputs."""
        waiting = iter(tensors)
        leaves = [
            next(waiting) if is_tensor else constant
            for is_tensor, constant in zip(self._is_tensor, self._constants, strict=True)
        ]
        args, kwargs = pytree.tree_unflatten(leaves, self._tree)
        return self.module(*args, **kwargs)

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The module's outputs as a flat tuple."""
        return tuple(named_outputs(self.call(tensors)).values())


def arguments_from(module: torch.nn.Module, given: Any) -> Arguments:
    """Example inputs as (args, kwargs) of tensors.

    `given` is one array or tensor, a sequence of them (positional), a mapping (by parameter name; "a.0",
    "a.1" are the parts of a sequence `a`), or (args, kwargs) as an exported program keeps it. Raises
    InputError if names or counts do not fit forward().
    """
    if isinstance(given, Mapping):
        args, kwargs = _by_name(module, _nest(given))
    elif _is_args_and_kwargs(given):
        args, kwargs = tuple(given[0]), dict(given[1])
    elif isinstance(given, Sequence) and not isinstance(given, str):
        args, kwargs = tuple(given), {}
    else:
        args, kwargs = (given,), {}
    try:
        inspect.signature(module.forward).bind(*args, **kwargs)
    except TypeError as error:
        raise InputError(
            f"the example inputs do not fit {type(module).__name__}.forward{inspect.signature(module.forward)}: "
            f"{error}",
            fix="give one --input for every parameter without a default, by its name",
        ) from error
    return pytree.tree_map(_as_tensor, (args, kwargs))


def _is_args_and_kwargs(given: Any) -> bool:
    return (
        isinstance(given, tuple)
        and len(given) == 2
        and isinstance(given[0], (tuple, list))
        and isinstance(given[1], dict)
    )


def _nest(given: Mapping[str, Any]) -> dict[str, Any]:
    """{"s.0": a, "s.1": b} as {"s": (a, b)}."""
    parts: dict[str, dict[str, Any]] = {}
    nested: dict[str, Any] = {}
    for name, value in given.items():
        head, dot, tail = name.partition(".")
        if dot:
            parts.setdefault(head, {})[tail] = value
        nested[head] = value
    for head, members in parts.items():
        inner = _nest(members)
        nested[head] = tuple(inner[key] for key in inner) if all(key.isdigit() for key in inner) else inner
    return nested


def _by_name(module: torch.nn.Module, given: dict[str, Any]) -> Arguments:
    parameters = inspect.signature(module.forward).parameters
    if all(name.startswith("input_") and name[6:].isdigit() for name in given) and not set(given) <= set(parameters):
        return tuple(given.values()), {}
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    strangers = [name for name in given if name not in parameters]
    if strangers and not takes_any:
        raise InputError(
            f"the model has no input {', '.join(strangers)}; forward takes {', '.join(parameters)}",
            fix=f'name the inputs as forward does: --input "{next(iter(parameters), "x")}:float32[...]"',
        )
    ordered = [name for name in parameters if name in given] + strangers
    leading = [name for name, parameter in parameters.items() if parameter.kind is not parameter.KEYWORD_ONLY]
    if ordered == leading[: len(ordered)] and not strangers:
        return tuple(given[name] for name in ordered), {}
    return (), {name: given[name] for name in ordered}


def _as_tensor(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().contiguous()
    return value


def input_names(module: torch.nn.Module, arguments: Arguments) -> Iterator[str]:
    """The names of the tensor inputs in call order: forward's parameter, and the path inside a nested one."""
    args, kwargs = arguments
    bound = inspect.signature(module.forward).bind(*args, **kwargs)
    parameters = inspect.signature(module.forward).parameters
    for name, value in bound.arguments.items():
        kind = parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            for index, item in enumerate(value):
                yield from _names_of(f"{name}_{index}" if len(value) > 1 else "input", item)
        elif kind is inspect.Parameter.VAR_KEYWORD:
            for key, item in value.items():
                yield from _names_of(key, item)
        else:
            yield from _names_of(name, value)


def _names_of(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, torch.Tensor):
        yield name
    elif isinstance(value, Mapping):
        for key in value:
            yield from _names_of(f"{name}.{key}", value[key])
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            yield from _names_of(f"{name}.{index}", item)


def named_outputs(value: Any) -> dict[str, torch.Tensor]:
    """The tensors in a module's result by name, in its own order.

    A lone tensor is "output", the parts of a tuple "output_0" and on, those of a mapping, dataclass or
    named tuple go by their keys, deeper ones by their path ("hidden_states.0"); None is left out. Raises
    SourceError for anything that is no tensor.
    """
    if isinstance(value, torch.Tensor):
        return {"output": value}
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        return dict(_leaves((f"output_{index}", item) for index, item in enumerate(value)))
    return dict(_leaves(_members(value)))


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), value[key]) for key in value)
    elif dataclasses.is_dataclass(value):
        yield from ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    elif hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, (tuple, list)):
        yield from ((str(index), item) for index, item in enumerate(value))
    else:
        raise SourceError(
            f"the model returned a {type(value).__name__}, which is no tensor",
            fix="return tensors, or wrap the model in a module that does",
        )


def _leaves(members: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in members:
        if isinstance(value, torch.Tensor):
            yield name, value
        elif value is not None:
            yield from _leaves((f"{name}.{inner}", item) for inner, item in _members(value))
