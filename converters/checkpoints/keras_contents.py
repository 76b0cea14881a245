"""Looks at a Keras file in a worker, because HDF5's C library reads it: classes, weights, and what is not allowed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ..source import Opening, Trust
from .hdf5 import arrays_in
from .keras_facts import KerasArray, KerasFacts, KerasLook
from .keras_files import StoredModel, read_architecture, read_keras_file, weights_of
from .keras_vetting import classes_in, foreign_in

_EVERYTHING = Opening(trust=(Trust.CODE,))  # here nothing is built, so nothing needs to be refused


def look(job: KerasLook) -> KerasFacts:
    """Everything but the weights' values; raises SourceError, UnsafeInput for what leads out of the file."""
    path = Path(job.path)
    if job.architecture:
        return _facts(read_architecture(path, _EVERYTHING), "an architecture in JSON", ())
    stored = read_keras_file(path, _EVERYTHING)
    with weights_of(path) as (_, file):
        arrays = tuple(
            KerasArray(name=array.name, dtype=array.dtype, shape=array.shape, bytes=array.bytes)
            for array in arrays_in(file)
        )
    return _facts(stored, str(stored.layout), arrays)


def _facts(stored: StoredModel, layout: str, arrays: tuple[KerasArray, ...]) -> KerasFacts:
    config = stored.config
    name = config.get("config", {}) if config else {}
    title = name.get("name") if isinstance(name, dict) else None
    foreign = foreign_in(config, custom=frozenset()) if config else ()
    return KerasFacts(
        layout=layout,
        version=stored.version,
        model=str(title)[:200] if title else None,
        classes=dict(Counter(kind for kind, _ in classes_in(config))) if config else {},
        refused=tuple(dict.fromkeys(f"{each.what} ({each.where})" for each in foreign)),
        arrays=arrays,
    )
