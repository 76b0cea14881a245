"""Train the row-reading LSTM: `python -m edgeproof.sample_models.digit_rows_lstm.train --mnist FOLDER`."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..catalog import sample
from ..datasets.mnist import folder_argument, moved, read_digits
from ..datasets.partition import partition, write_rows
from ..training.torch_fit import Batch, Schedule, Tensors, fit, scores, write_weights
from .model import DigitRowsLstm, build

SAMPLE = sample("digit_rows_lstm")
SCHEDULE = Schedule(steps=2500, batch=64, peak_rate=1e-2, seed=1)


def loss(model: DigitRowsLstm, inputs: Tensors, targets: Tensors) -> Tensor:
    """Cross entropy."""
    return cross_entropy(model(**inputs), targets["label"])


def main() -> None:
    """Train, write the weights and the data, print the scores."""
    images, labels = read_digits(folder_argument(__doc__ or ""))
    part = partition(len(images), evaluation=300, seed=13)

    def draw(rng: np.random.Generator, count: int) -> Batch:
        chosen = rng.choice(part.training, count)
        return {"rows": moved(images[chosen], rng, reach=1)}, {"label": labels[chosen]}

    write_rows(SAMPLE.evaluation, {"rows": images[part.evaluation], "label": labels[part.evaluation]})
    write_rows(SAMPLE.calibration, {"rows": images[part.calibration]})
    model = fit(build, draw, loss, SCHEDULE)
    write_weights(model, SAMPLE)
    print(scores(model, SAMPLE))


if __name__ == "__main__":
    main()
