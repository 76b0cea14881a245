"""Bundles of a PyTorch and a Keras sample, made once a session from photographs: float, int8, all platforms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from commands import edgeproof

from edgeproof.sample_models.catalog import Sample, sample
from edgeproof.sample_models.photos import write_photos

NAMES = ("digits_cnn", "faces_cnn")
PHOTOS = 16
_made: dict[str, Bundled] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """A sample's archive, the folder that it was made of, and the options of `edgeproof bundle`."""

    chosen: Sample
    folder: Path
    archive: Path
    options: tuple[str, ...]


def bundled_sample(name: str, factory: pytest.TempPathFactory) -> Bundled:
    """The bundle of a sample."""
    if name not in _made:
        _made[name] = _bundle(sample(name), factory.mktemp(f"bundled-{name}"))
    return _made[name]


def _bundle(chosen: Sample, folder: Path) -> Bundled:
    photos = write_photos(chosen, folder / "photos")
    for place in sorted(photos.samples.iterdir())[PHOTOS // 2 : -PHOTOS // 2]:
        place.unlink()  # the first and the last are of different classes
    given = ("--preprocess", chosen.preprocessing, "--samples", photos.samples, "--calibration", photos.calibration)
    rounding = ("--precision", "fp32,int8")
    converted = edgeproof("convert", *chosen.arguments(), *rounding, *given, "-o", "out", "-q", folder=folder)
    assert converted.code == 0, converted.stdout + converted.stderr
    options = ("--labels", str(chosen.labels), "--license", "Apache-2.0", "--version", "1.2.3", "-q")
    archive = folder / f"{chosen.name}.zip"
    made = edgeproof("bundle", "out", "-o", archive, *options, folder=folder)
    assert made.code == 0, made.stdout + made.stderr
    return Bundled(chosen=chosen, folder=folder / "out", archive=archive, options=options)


def source_labels(bundled: Bundled) -> list[str]:
    """What the source model itself says of the samples that a bundle shows, from what `convert` stored."""
    names = bundled.chosen.labels.read_text().split()
    with np.load(bundled.folder / "golden" / "reference.npz") as archive:
        values = [archive[member].ravel() for member in sorted(archive.files)[:PHOTOS]]
    places = [round(number * (PHOTOS - 1) / 7) for number in range(8)]
    return [
        names[int(row[0] >= 0.5) if len(row) == 1 else int(row.argmax())] for row in (values[each] for each in places)
    ]
