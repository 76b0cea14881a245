"""Opens a Keras source under whichever backend this worker has: a file, weights with their architecture, a factory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from ..checkpoints.keras_files import StoredModel, weights_of
from ..checkpoints.keras_source import is_architecture, stored_model
from ..errors import SourceError
from ..source import Source, SourceKind, Trust
from ..user_code import call_factory, load_named
from .stored import build, load_weights

_SEED = 0  # an untrained model must be the same in every worker that builds it


def load(source: Source) -> tuple[keras.Model, Any]:
    """The model and the example inputs that came with it (None if none did).

    Files are judged before anything in them is built, and nothing is compiled. Raises SourceError, UnsafeInput.
    """
    if source.kind is SourceKind.FACTORY:
        return _from_factory(source)
    stored = stored_model(source)
    if stored.config is None:
        model, examples = _from_factory(source)
    else:
        model, examples = _from_config(source, stored), None
    with weights_of(Path(source.path or "")) as (path, file):
        load_weights(model, file, path=path, source=source, layout=stored.layout)
    return model, examples


def _from_factory(source: Source) -> tuple[keras.Model, Any]:
    keras.utils.set_random_seed(_SEED)
    made = call_factory(source.factory or "", dict(source.factory_args))
    model, examples = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(model, keras.Model):
        raise SourceError(
            f"{source.factory} returned {type(made).__name__}, expected a keras.Model or (keras.Model, example inputs)",
            fix="return the model, or the model and its example inputs; --framework torch if it is a PyTorch model",
        )
    return model, examples


def _from_config(source: Source, stored: StoredModel) -> keras.Model:
    place = source.factory if is_architecture(source) else source.path
    return build(
        stored,
        name=Path(place or "").name,
        own=load_named(source.opening.custom_objects),
        trusted=Trust.CODE in source.opening.trust,
    )
