"""Any module's signature as flat named tensors."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from edgeproof.converters.errors import InputError, SourceError
from edgeproof.converters.from_torch.flatten import FlatModule, arguments_from, named_outputs


class Pair(NamedTuple):
    first: torch.Tensor
    second: tuple[torch.Tensor, ...]


X = np.ones((2, 3), np.float32)


@dataclass
class Answer:
    logits: torch.Tensor
    hidden: tuple[torch.Tensor, ...] | None = None


class Takes(torch.nn.Module):
    def forward(self, x: Any, state: Any = None, *, scale: float = 1.0) -> Any:
        return x * scale if state is None else (x * scale, state)


def flat(module: torch.nn.Module, given: Any) -> FlatModule:
    return FlatModule(module, arguments_from(module, given))


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (X, ["x"]),
        ((X,), ["x"]),
        ([X, X], ["x", "state"]),
        ({"x": X}, ["x"]),
        ({"x": X, "scale": X}, ["x", "scale"]),
        ({"scale": X, "x": X}, ["x", "scale"]),
        ({"input_0": X}, ["x"]),
        ((X, (X, X)), ["x", "state.0", "state.1"]),
        ({"x": X, "state.0": X, "state.1": X}, ["x", "state.0", "state.1"]),
        ((X, {"h": X, "c": X}), ["x", "state.h", "state.c"]),
        (((X,), {"scale": X}), ["x", "scale"]),
    ],
)
def test_inputs_go_by_the_names_of_forward(given: Any, names: list[str]) -> None:
    assert list(flat(Takes(), given).input_names) == names


def test_the_flat_module_puts_the_nesting_back() -> None:
    module = flat(Takes(), (X, (X, X)))
    tensors = [torch.full((2, 3), float(index)) for index in range(3)]
    out, first, second = module(*tensors)
    assert [tensor[0, 0].item() for tensor in (out, first, second)] == [0, 1, 2]


def test_a_constant_argument_stays_what_it_was() -> None:
    module = flat(Takes(), {"x": X, "scale": 3.0})
    assert module.input_names == ("x",)
    assert module(torch.ones(2, 3))[0].sum().item() == 18


def test_a_strange_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InputError, match="x, state, scale"):
        arguments_from(Takes(), {"picture": X})


def test_a_missing_input_is_refused() -> None:
    with pytest.raises(InputError, match="do not fit"):
        arguments_from(Takes(), {"scale": X})


T = torch.ones(1)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (T, ["output"]),
        ((T, T), ["output_0", "output_1"]),
        ([T], ["output_0"]),
        ({"b": T, "a": T}, ["b", "a"]),
        (OrderedDict(z=T, y={"k": T}), ["z", "y.k"]),
        (Pair(T, (T, T)), ["first", "second.0", "second.1"]),
        (Answer(T), ["logits"]),
        (Answer(T, (T, T)), ["logits", "hidden.0", "hidden.1"]),
        ((T, (T, {"q": T})), ["output_0", "output_1.0", "output_1.1.q"]),
        ((T, None, T), ["output_0", "output_2"]),
    ],
)
def test_outputs_get_names_in_the_model_s_own_order(value: Any, names: list[str]) -> None:
    assert list(named_outputs(value)) == names


@pytest.mark.parametrize("value", [3.0, "text", {"a": 1}, (T, 2)])
def test_what_is_no_tensor_is_refused(value: Any) -> None:
    with pytest.raises(SourceError, match="no tensor"):
        named_outputs(value)
