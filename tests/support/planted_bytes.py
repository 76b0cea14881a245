"""Plants a fault in an artifact's own bytes: one output channel of a layer is off. No framework is asked."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
_FLOAT = np.dtype("<f4")
_LARGEST_WEIGHT = 1e6  # what reads as more is no weight, and would drown the others
_SAME_DIRECTION = 0.99999


def plant(artifact: Path, weights: Array, *, channel: int, factor: float = 1.01) -> None:
    """Multiply the weights of one output channel, as the artifact stores them, by `factor`.

    `weights` are the layer's, outputs first. Formats lay a convolution's row out with its channels first or last, and
    fold a normalisation's scale into it, so that it is found by its direction.
    """
    if not zipfile.is_zipfile(artifact):
        artifact.write_bytes(_planted(artifact.read_bytes(), weights[channel], factor))
        return
    with zipfile.ZipFile(artifact) as archive:
        stored = {name: archive.read(name) for name in archive.namelist()}
    (holder,) = (name for name, data in stored.items() if list(_places(data, weights[channel])))
    stored[holder] = _planted(stored[holder], weights[channel], factor)
    with zipfile.ZipFile(artifact, "w") as archive:  # stored as they are: torch maps them
        for name, data in stored.items():
            archive.writestr(name, data)


def _planted(data: bytes, row: Array, factor: float) -> bytes:
    (place,) = _places(data, row)
    end = place + row.size * _FLOAT.itemsize
    moved = np.frombuffer(data[place:end], _FLOAT) * _FLOAT.type(factor)
    return data[:place] + moved.tobytes() + data[end:]


def _places(data: bytes, row: Array) -> Iterator[int]:
    """Where a row of that direction stands."""
    laid_out = {order.tobytes(): order for order in (row.ravel(), np.moveaxis(row, 0, -1).ravel())}
    for phase in range(_FLOAT.itemsize):
        count = (len(data) - phase) // _FLOAT.itemsize
        if count < row.size:
            return
        floats = np.nan_to_num(np.frombuffer(data, _FLOAT, count, phase)).astype(np.float64)
        floats[np.abs(floats) > _LARGEST_WEIGHT] = 0.0
        for order in laid_out.values():
            yield from (phase + _FLOAT.itemsize * int(place) for place in _alike(floats, order.astype(np.float64)))


def _alike(floats: Array, row: Array) -> Array:
    lengths = np.sqrt(np.convolve(floats**2, np.ones(row.size), "valid"))
    cosines = np.abs(np.correlate(floats, row, "valid")) / (lengths * np.linalg.norm(row) + np.finfo(float).tiny)
    return np.flatnonzero(cosines > _SAME_DIRECTION)


def put(artifact: Path, before: Array, after: Array) -> None:
    """Write numbers over those that stand in the artifact, which must stand there once."""
    data, old, new = artifact.read_bytes(), before.astype(_FLOAT).tobytes(), after.astype(_FLOAT).tobytes()
    assert data.count(old) == 1
    artifact.write_bytes(data.replace(old, new))


def sign_again(artifact: Path) -> None:
    """Let the manifest beside the artifact name it as it is now: as if the converter had made it so."""
    manifest = artifact.with_name("manifest.json")
    made = json.loads(manifest.read_text())
    (record,) = (record for record in made["artifacts"] if record["file"] == artifact.name)
    record["sha256"] = hashlib.sha256(artifact.read_bytes()).hexdigest()
    record["bytes"] = artifact.stat().st_size
    manifest.write_text(json.dumps(made))
