"""Opens a Keras source under whichever backend this worker has: .keras, full-model HDF5, or a factory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from ..errors import SourceError, UnsafeInput
from ..source import Source, SourceKind
from ..user_code import call_factory

_SEED = 0  # an untrained model must be the same in every worker that builds it


def load(source: Source) -> tuple[keras.Model, Any]:
    """The model and the example inputs that came with it (None if none did).

    Files are opened without compiling and in safe mode. Raises SourceError, UnsafeInput.
    """
    if source.kind is SourceKind.FACTORY:
        return _from_factory(source)
    return _from_file(Path(source.path or "")), None


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


def _from_file(path: Path) -> keras.Model:
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, KeyError) as error:
        raise SourceError(f"{path} is broken: {_first_line(error)}", fix="save the model again") from error
    except (TypeError, ValueError) as error:
        raise _explained(path, error) from error


def _explained(path: Path, error: Exception) -> SourceError | UnsafeInput:
    text = str(error)
    if "unsafe" in text.lower() or "lambda" in text.lower():
        return UnsafeInput(
            f"{path.name} holds Python code (a Lambda layer), which is not run: {_first_line(error)}",
            fix="build the model in a factory of your own and give that: path/to/model.py:build",
        )
    if "No model config found" in text or "model_config" in text:
        return SourceError(
            f"{path.name} holds weights only, no architecture",
            fix="save the whole model (model.save), or build it in a factory: path/to/model.py:build",
        )
    return SourceError(
        f"{path.name} cannot be loaded by Keras {keras.__version__}: {_first_line(error)}",
        fix="build the model in a factory (path/to/model.py:build) that registers its custom classes",
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
