"""Looks for hazards in a Keras model: layers that stay in training mode, sizes that are closed, unlike backends."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import keras

from ..errors import SourceError
from ..fingerprint import fingerprint
from ..hazards import Hazard, HazardCode, closed_dimensions, together
from ..inspection.variants import Variants
from ..signature import Signature

_OURS = str(Path(__file__).parents[1])
_FOREIGN = ("/site-packages/keras/", "/site-packages/tensorflow/", "/unittest/mock.py", "/contextlib.py")
_STATISTICS = "a batch norm takes mean and variance from the batch that it is given, as in training"
_ACTIVE = "stays active at inference"
_TAKE_OUT = "call it without training=True"
_BICUBIC = "Keras resizes bicubically by -0.5 under TensorFlow and by -0.75 under torch, where this artifact is made"
_ELSEWHERE = "resize bilinearly, with antialias=True or before the model, or make LiteRT and ONNX in fp32 alone"
_GENERATORS = ("seed_generator", "generator")
_RATES = ("rate", "dropout", "recurrent_dropout", "stddev")


class TrainingCalls:
    """The layers that ran as in training, each with the line that told it to."""

    def __init__(self) -> None:
        self._calls: dict[tuple[int, str], Any] = {}

    def note(self, layer: keras.Layer) -> None:
        """Keep a call of a layer."""
        self._calls.setdefault((id(layer), _line()), layer)

    def hazards(self) -> tuple[Hazard, ...]:
        """What is wrong with those that do other things in training; by now all of them know their place."""
        found = ((_reason(layer), f"{layer.path or layer.name}{line}") for (_, line), layer in self._calls.items())
        return tuple(
            Hazard(code=HazardCode.TRAINING_MODE, reason=reason, fix=_TAKE_OUT, places=(place,))
            for reason, place in found
            if reason
        )


@contextmanager
def training_calls() -> Generator[TrainingCalls]:
    """Within, calls of layers that are told to train are noted, where Keras itself calls them."""
    found = TrainingCalls()
    inherited = keras.Operation.__call__

    def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("training") is True and isinstance(layer, keras.Layer):
            found.note(layer)
        return inherited(layer, *args, **kwargs)

    with patch.object(keras.Operation, "__call__", called):
        yield found


def require_constant(model: keras.Model, before: str, active: Iterable[Hazard]) -> None:
    """Raise SourceError, with the layers that train, for a model whose weights are no longer what they were."""
    if fingerprint(model.get_weights()) != before:
        reasons = ("the model changes its own weights as it runs", *(hazard.sentence for hazard in together(active)))
        raise SourceError("; ".join(reasons), fix="call batch norms without training=True, or freeze them")


def hazards_of_source(model: keras.Model, signature: Signature) -> Iterator[Hazard]:
    """The axes that the model leaves open and artifacts do not; all models leave that of the batch open."""
    yield from closed_dimensions(signature, (_sizes(tensor) for tensor in getattr(model, "inputs", None) or ()))


def hazards_of_backend(variants: Variants) -> Iterator[Hazard]:
    """Where the torch backend computes something else than TensorFlow's, by what its program computes."""
    for resize in variants.resizes:
        if resize.mode == "cubic" and not resize.antialias:
            yield Hazard(code=HazardCode.RESIZE_MODE, reason=_BICUBIC, fix=_ELSEWHERE, places=(resize.place,))


def _reason(layer: Any) -> str:
    """What is wrong with a layer that is told to train, "" if it does nothing else then."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return _STATISTICS if layer.trainable else ""
    draws = any(getattr(layer, name, None) is not None for name in _GENERATORS) and _draws(layer)
    return f"{type(layer).__name__} {_ACTIVE}" if draws else ""


def _draws(layer: Any) -> bool:
    rates = [getattr(layer, name) for name in _RATES if isinstance(getattr(layer, name, None), (int, float))]
    return any(rates) if rates else True


def _line() -> str:
    """The text " (net.py:12, in call)" for the innermost frame of the user's, "" if none is."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        file = code.co_filename
        if not (file.startswith(_OURS) or any(part in file for part in _FOREIGN)):
            return f" ({Path(file).name}:{frame.f_lineno}, in {code.co_name})"
        frame = frame.f_back
    return ""


def _sizes(tensor: Any) -> tuple[int | None, ...]:
    """The sizes of an input, the batch's as if it were known."""
    return (1, *tensor.shape[1:])
