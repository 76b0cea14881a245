"""The rows of an image sample as PNG files, for those who hand `edgeproof convert` photographs and not arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .catalog import Sample

_WHITE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Photos:
    """Folders of PNG files in the order of their rows: those to judge on and those to calibrate with."""

    samples: Path
    calibration: Path


def has_photos(chosen: Sample) -> bool:
    """Whether a sample takes images that a specification beside it makes of files."""
    return chosen.preprocessing.is_file()


def write_photos(chosen: Sample, folder: Path) -> Photos:
    """Write the evaluation and the calibration rows of a sample with one grey image as input."""
    photos = Photos(samples=folder / "samples", calibration=folder / "calibration")
    for rows, place in ((chosen.evaluation, photos.samples), (chosen.calibration, photos.calibration)):
        place.mkdir(parents=True, exist_ok=True)
        with np.load(rows) as archive:
            images = archive["image"]
        for number, image in enumerate(images):
            pixels = np.round(np.squeeze(image) * _WHITE).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{number:03d}.png")
    return photos
