"""Faults in a Keras model before it is converted: a factory that loads another one and breaks it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

Fault = Callable[[Any], bool]


def build(source: str, fault: str) -> Any:
    """The model of a .keras file or of another factory with a fault; ValueError if there is nothing in it to break."""
    made = keras.saving.load_model(source) if source.endswith(".keras") else _built(source)
    model = made[0] if isinstance(made, tuple) else made
    if not FAULTS[fault](model):
        raise ValueError(f"{source} has nothing for the fault: {fault}")
    return made


def _built(factory: str) -> Any:
    path, _, name = factory.rpartition(":")
    sys.path.insert(0, str(Path(path).parent))
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)()


def _layers(model: Any) -> list[Any]:
    return list(model._flatten_layers(include_self=False))


def activation_replaced(model: Any) -> bool:
    """Relu as leaky relu, wherever it stands."""
    changed = False
    for layer in _layers(model):
        if getattr(layer, "activation", None) is keras.activations.relu:
            layer.activation = keras.activations.leaky_relu
            changed = True
        elif isinstance(layer, keras.layers.ReLU):
            layer.negative_slope = 0.01
            changed = True
        elif isinstance(layer, keras.layers.PReLU):
            layer.set_weights([weight * 0 for weight in layer.get_weights()])
            changed = True
    return changed


def epsilon(model: Any) -> bool:
    """A hundred times the epsilon in the middle normalisation."""
    found = [layer for layer in _layers(model) if isinstance(layer, keras.layers.BatchNormalization)]
    if not found:
        return False
    found[len(found) // 2].epsilon *= 100
    return True


def weights_off(model: Any) -> bool:
    """The middle layer's kernel 0.1 % off."""
    found = [layer for layer in _layers(model) if len(layer.get_weights()) in {2, 3}]
    if not found:
        return False
    layer = found[len(found) // 2]
    kernel, *rest = layer.get_weights()
    layer.set_weights([kernel * 1.001, *rest])
    return True


def kernels_turned(model: Any) -> bool:
    """The kernels of the middle convolution with height and width exchanged."""
    found = [layer for layer in _layers(model) if isinstance(layer, keras.layers.Conv2D)]
    if not found:
        return False
    layer = found[len(found) // 2]
    kernel, *rest = layer.get_weights()
    layer.set_weights([kernel.swapaxes(0, 1) if kernel.shape[0] == kernel.shape[1] else kernel[::-1], *rest])
    return True


FAULTS: dict[str, Fault] = {
    "an activation replaced": activation_replaced,
    "epsilon a hundred times as large": epsilon,
    "one layer's weights 0.1 % off": weights_off,
    "height and width exchanged": kernels_turned,
}
