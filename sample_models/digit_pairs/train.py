"""Train the pair model: `python -m edgeproof.sample_models.digit_pairs.train --mnist FOLDER`."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, cross_entropy, smooth_l1_loss

from ..catalog import sample
from ..datasets.mnist import folder_argument, moved, read_digits
from ..datasets.partition import partition, write_rows
from ..training.torch_fit import Batch, Schedule, Tensors, fit, scores, write_weights
from .model import DigitPairs, build

SAMPLE = sample("digit_pairs")
SCHEDULE = Schedule(steps=1500, batch=64, peak_rate=5e-3, seed=1)

Rows = NDArray[np.int64]


def loss(model: DigitPairs, inputs: Tensors, targets: Tensors) -> Tensor:
    """How wrong both answers are, and how far the encoder is from knowing each digit by itself."""
    outputs = model(**inputs)
    same = binary_cross_entropy(outputs["same"], targets["same"])
    total = smooth_l1_loss(outputs["sum"], targets["sum"])
    digits = (cross_entropy(model.digit(model.encoder(inputs[side])), targets[side]) for side in ("left", "right"))
    return same + total + sum(digits, torch.zeros(()))


def pairs(rows: Rows, labels: Rows, rng: np.random.Generator, *, count: int) -> tuple[Rows, Rows]:
    """`count` pairs from `rows`, half of them at least showing the same digit twice."""
    left = rng.choice(rows, count)
    right = rng.choice(rows, count)
    for index in range(0, count, 2):
        right[index] = rng.choice(rows[labels[rows] == labels[left[index]]])
    return left, right


def main() -> None:
    """Train, write the weights and the data, print the scores."""
    images, labels = read_digits(folder_argument(__doc__ or ""))
    part = partition(len(images), evaluation=600, seed=14)

    def answers(left: Rows, right: Rows) -> dict[str, NDArray[np.generic]]:
        one, other = labels[left], labels[right]
        return {
            "same": (one == other).astype(np.float32),
            "sum": (one + other).astype(np.float32),
            "left": one,
            "right": other,
        }

    def draw(rng: np.random.Generator, count: int) -> Batch:
        left, right = pairs(part.training, labels, rng, count=count)
        inputs = {name: moved(images[side], rng, reach=2)[:, None] for name, side in (("left", left), ("right", right))}
        return inputs, answers(left, right)

    write_data(images, part.evaluation, part.calibration, labels)
    model = fit(build, draw, loss, SCHEDULE)
    write_weights(model, SAMPLE)
    print(scores(model, SAMPLE))


def write_data(images: NDArray[np.float32], evaluation: Rows, calibration: Rows, labels: Rows) -> None:
    """300 labelled pairs and 64 without labels."""
    rng = np.random.default_rng(15)
    left, right = pairs(evaluation, labels, rng, count=300)
    write_rows(
        SAMPLE.evaluation,
        {
            "left": images[left, None],
            "right": images[right, None],
            "label_same": (labels[left] == labels[right]).astype(np.int64),
            "label_sum": labels[left] + labels[right],
        },
    )
    left, right = pairs(calibration, labels, rng, count=64)
    write_rows(SAMPLE.calibration, {"left": images[left, None], "right": images[right, None]})


if __name__ == "__main__":
    main()
