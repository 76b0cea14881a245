"""Train the digits CNN: `python -m edgeproof.sample_models.digits_cnn.train --mnist FOLDER`."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..catalog import sample
from ..datasets.mnist import folder_argument, moved, read_digits
from ..datasets.partition import partition, write_rows
from ..training.torch_fit import Batch, Schedule, Tensors, fit, scores, write_weights
from .model import DigitsCnn, build

SAMPLE = sample("digits_cnn")
SCHEDULE = Schedule(steps=1500, batch=64, peak_rate=8e-3, seed=1)


def loss(model: DigitsCnn, inputs: Tensors, targets: Tensors) -> Tensor:
    """Cross entropy with a little doubt about every label."""
    return cross_entropy(model(**inputs), targets["label"], label_smoothing=0.05)


def main() -> None:
    """Train, write the weights and the data, print the scores."""
    images, labels = read_digits(folder_argument(__doc__ or ""))
    part = partition(len(images), evaluation=300, seed=11)

    def draw(rng: np.random.Generator, count: int) -> Batch:
        chosen = rng.choice(part.training, count)
        return {"image": moved(images[chosen], rng, reach=2)[:, None]}, {"label": labels[chosen]}

    write_rows(SAMPLE.evaluation, {"image": images[part.evaluation, None], "label": labels[part.evaluation]})
    write_rows(SAMPLE.calibration, {"image": images[part.calibration, None]})
    model = fit(build, draw, loss, SCHEDULE)
    write_weights(model, SAMPLE)
    print(scores(model, SAMPLE))


if __name__ == "__main__":
    main()
