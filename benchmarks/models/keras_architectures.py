"""Architectures of keras.applications with random weights, for distributions over many models.

`application(name=..., seed=...)` is a factory for `edgeproof convert` with `--model-arg`.
"""

from __future__ import annotations

import keras
import numpy as np

_SIZE = 96


def application(name: str, seed: str) -> tuple[keras.Model, tuple[np.ndarray, ...]]:
    """A network for images of 96 pixels; its weights are numpy's, and the same under every backend of Keras."""
    model = getattr(keras.applications, name)(weights=None, input_shape=(_SIZE, _SIZE, 3), classes=50)
    generator = np.random.default_rng(int(seed))
    model.set_weights([_drawn(weight, generator) for weight in model.weights])
    return model, (generator.standard_normal((1, _SIZE, _SIZE, 3), dtype=np.float32),)


def _drawn(weight: keras.Variable, generator: np.random.Generator) -> np.ndarray:
    """Kernels that keep the size of what passes (He), and statistics near 0 and 1."""
    shape = tuple(weight.shape)
    if any(part in weight.path for part in ("gamma", "variance")):
        return generator.uniform(0.5, 1.5, shape).astype(np.float32)
    scale = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.1
    return (scale * generator.standard_normal(shape)).astype(np.float32)
