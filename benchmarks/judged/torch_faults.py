"""Faults in a PyTorch model before it is converted: a factory that builds another one and breaks it.

edgeproof convert torch_faults.py:build --model-arg factory=models.py:net --model-arg fault=...
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Fault = Callable[[nn.Module], nn.Module | None]


def build(factory: str, fault: str) -> tuple[nn.Module, Any]:
    """The model of another factory with a fault; ValueError if there is nothing in it to break."""
    path, _, name = factory.rpartition(":")
    sys.path.insert(0, str(Path(path).parent))
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model, inputs = getattr(module, name)()
    broken = FAULTS[fault](model.eval())
    if broken is None:
        raise ValueError(f"{name} has nothing for the fault: {fault}")
    return broken, inputs


def _middle(model: nn.Module, *kinds: type[nn.Module]) -> nn.Module | None:
    found = [module for module in model.modules() if isinstance(module, kinds)]
    return found[len(found) // 2] if found else None


def _swap_modules(model: nn.Module, kind: type[nn.Module], make: Callable[[nn.Module], nn.Module]) -> nn.Module | None:
    found = [
        (parent, name) for parent in model.modules() for name, child in parent.named_children() if type(child) is kind
    ]
    for parent, name in found:
        setattr(parent, name, make(getattr(parent, name)))
    return model if found else None


def batch_norm_training(model: nn.Module) -> nn.Module | None:
    """One batch norm normalises by the batch that comes."""
    norm = _middle(model, nn.BatchNorm1d, nn.BatchNorm2d)
    if norm is None:
        return None
    norm.eval = lambda: norm  # type: ignore[method-assign]
    norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
    return model


class _Dropped(nn.Module):
    """A layer whose result loses every tenth number, always the same ones, as dropout frozen at export does."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        given = self.inner(*args, **kwargs)
        kept = (torch.arange(given.shape[-1]) % 10 != 3).to(given.dtype)
        return given * kept / 0.9


def dropout_left_on(model: nn.Module) -> nn.Module | None:
    """The middle layer's output is dropped in part."""
    found = [
        (parent, name) for parent in model.modules() for name, child in parent.named_children()
        if type(child) in {nn.Linear, nn.Conv2d, nn.Conv1d}
    ]  # fmt: skip
    if not found:
        return None
    parent, name = found[len(found) // 2]
    setattr(parent, name, _Dropped(getattr(parent, name)))
    return model


def activation_replaced(model: nn.Module) -> nn.Module | None:
    """ReLU6 as ReLU, ReLU as LeakyReLU, GELU as its approximation, PReLU as ReLU."""
    for kind, make in (
        (nn.ReLU6, lambda _: nn.ReLU()),
        (nn.ReLU, lambda _: nn.LeakyReLU(0.01)),
        (nn.GELU, lambda _: nn.GELU(approximate="tanh")),
        (nn.PReLU, lambda _: nn.ReLU()),
    ):
        if _swap_modules(model, kind, make) is not None:
            return model
    found = _swap_everything(model)
    return model if found else None


def _swap_everything(model: nn.Module) -> bool:
    """Activations of Transformers are modules of its own."""
    found = [
        (parent, name) for parent in model.modules() for name, child in parent.named_children()
        if type(child).__name__ == "GELUActivation"
    ]  # fmt: skip
    for parent, name in found:
        setattr(parent, name, nn.GELU(approximate="tanh"))
    return bool(found)


def epsilon(model: nn.Module) -> nn.Module | None:
    """A hundred times the epsilon in one normalisation."""
    norm = _middle(model, nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)
    if norm is None:
        return None
    norm.eps *= 100
    return model


class _Exchanged(nn.Module):
    """Gives the model its image with two channels exchanged."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, image: Tensor) -> Any:
        return self.inner(image.flip(1))


def channels_reversed(model: nn.Module) -> nn.Module | None:
    """BGR for RGB."""
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    return _Exchanged(model) if first is not None and first.in_channels == 3 else None


class _Turned(nn.Module):
    """Gives the model its image with the axes exchanged, as one that is stored in another layout."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, image: Tensor) -> Any:
        return self.inner(image.transpose(2, 3))


def layout(model: nn.Module) -> nn.Module | None:
    """Height for width."""
    has = any(isinstance(module, nn.Conv2d) for module in model.modules())
    return _Turned(model) if has else None


class _Half(nn.Module):
    """The model through half precision at its entrance."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *tensors: Tensor) -> Any:
        return self.inner(*(each.half().to(each.dtype) if each.is_floating_point() else each for each in tensors))


def input_through_float16(model: nn.Module) -> nn.Module | None:
    """Inputs are rounded to half precision."""
    return _Half(model)


def resized(model: nn.Module) -> nn.Module | None:
    """The image goes through a resize and back with bilinear interpolation, corners aligned once and not."""

    class Resized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, image: Tensor) -> Any:
            size = image.shape[-2:]
            large = functional.interpolate(image, scale_factor=2, mode="bilinear", align_corners=True)
            return self.inner(functional.interpolate(large, size=size, mode="bilinear", align_corners=False))

    return Resized() if any(isinstance(module, nn.Conv2d) for module in model.modules()) else None


FAULTS: dict[str, Fault] = {
    "batch norm in training mode": batch_norm_training,
    "dropout left on": dropout_left_on,
    "an activation replaced": activation_replaced,
    "epsilon a hundred times as large": epsilon,
    "BGR for RGB": channels_reversed,
    "height and width exchanged": layout,
    "inputs through float16": input_through_float16,
    "align_corners changed": resized,
}
