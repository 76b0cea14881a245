"""The three nets of the MTCNN face detector in Keras, subclassed models (mtcnn 1.0.0, MIT; needs joblib and lz4)."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import joblib  # type: ignore[import-untyped]
import keras
import numpy as np
from numpy.typing import NDArray

from .package_files import load_module, package_file

REQUIREMENT = "mtcnn==1.0.0"

Built = tuple[Any, tuple[NDArray[np.float32]]]


def pnet() -> Built:
    """The proposal net with its weights, and an image (1, 96, 96, 3) in about [-1, 1]; see `onet` for errors."""
    return _net("PNet", size=96)


def rnet() -> Built:
    """The refining net with its weights, and an image (1, 24, 24, 3) in about [-1, 1]; see `onet` for errors."""
    return _net("RNet", size=24)


def onet() -> Built:
    """The output net with its weights, and an image (1, 48, 48, 3) in about [-1, 1].

    Raises SourceError when the package is not installed.
    """
    return _net("ONet", size=48)


def _net(name: str, *, size: int) -> Built:
    """A class of the package's own source with the weights that it ships."""
    part = name.lower()
    file = package_file(REQUIREMENT, f"mtcnn/network/{part}.py")
    weights = package_file(REQUIREMENT, f"mtcnn/assets/weights/{part}.lz4")
    # All that the source takes from TensorFlow is tf.keras, which is Keras; so it runs on every backend of Keras.
    tensorflow = ModuleType("tensorflow")
    tensorflow.__dict__.update(keras=keras)
    source = load_module(file, f"published_mtcnn_{part}", instead={"tensorflow": tensorflow})
    net = getattr(source, name)()
    net.build()
    net.set_weights(joblib.load(weights))
    return net, (_image(size),)


def _image(size: int) -> NDArray[np.float32]:
    """A soft bright spot on a darker ground, with a little noise, the same every time."""
    across = np.linspace(-1, 1, size)
    spot = np.exp(-2 * (across[:, None] ** 2 + across[None, :] ** 2))
    noise = np.random.default_rng(0).normal(0, 0.1, (1, size, size, 3))
    return (1.6 * spot[None, :, :, None] - 0.8 + noise).astype(np.float32)
