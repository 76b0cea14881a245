"""Looks at a Keras source before a framework opens it: what it asks for, and which Keras can read it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import UsageError
from ..job import IdentifyJob
from ..resolve import framework_of_factory
from ..source import Framework, Source
from .keras_files import StoredModel, read_architecture, read_keras_file, without_architecture
from .keras_generation import needs_keras_2


def identify(job: IdentifyJob) -> Source:
    """The source with the framework that opens it; raises SourceError, UnsafeInput."""
    source = job.source
    if not (needs_keras_2(stored_model(source)) or _is_built_by_keras_2(source)):
        return source
    return replace(source, framework=Framework.TENSORFLOW)


def stored_model(source: Source) -> StoredModel:
    """What the files of a source say; the config comes from `--model architecture.json` where that was given.

    Where `--model` names a factory there is no config: the file's own is not looked at.
    """
    path = Path(source.path or "")
    stored = read_keras_file(path, source.opening, weights_only=source.factory is not None)
    if is_architecture(source):
        drawn = read_architecture(Path(source.factory or ""), source.opening)
        return replace(stored, config=drawn.config, version=drawn.version or stored.version)
    if source.factory is None and stored.config is None:
        raise without_architecture(path)
    return stored


def is_architecture(source: Source) -> bool:
    """Whether the model comes from a file that model.to_json() wrote."""
    return source.factory is not None and source.factory.endswith(".json")


def _is_built_by_keras_2(source: Source) -> bool:
    """Whether the factory that weights are for imports tf_keras, and not Keras 3."""
    if source.factory is None or is_architecture(source):
        return False
    try:
        return framework_of_factory(source.factory) is Framework.TENSORFLOW
    except UsageError:
        return False  # its file does not show it: Keras 3 then says what the factory gave
