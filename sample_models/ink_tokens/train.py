"""Train the attention encoder: `python -m edgeproof.sample_models.ink_tokens.train --mnist FOLDER`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..catalog import sample
from ..datasets.mnist import folder_argument, moved, read_digits
from ..datasets.partition import partition, write_rows
from ..datasets.patches import ink_tokens
from ..training.torch_fit import Batch, Schedule, Tensors, fit, scores, write_weights
from .model import InkTokens, build

SAMPLE = sample("ink_tokens")
SCHEDULE = Schedule(steps=2500, batch=64, peak_rate=8e-3, seed=1)


def loss(model: InkTokens, inputs: Tensors, targets: Tensors) -> Tensor:
    """Cross entropy with a little doubt about every label."""
    return cross_entropy(model(**inputs), targets["label"], label_smoothing=0.05)


def named(images: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    """The model's inputs for images (n, 28, 28)."""
    tokens, mask = ink_tokens(images)
    return {"tokens": tokens, "mask": mask}


def main() -> None:
    """Train, write the weights and the data, print the scores."""
    images, labels = read_digits(folder_argument(__doc__ or ""))
    part = partition(len(images), evaluation=300, seed=12)

    def draw(rng: np.random.Generator, count: int) -> Batch:
        chosen = rng.choice(part.training, count)
        return named(moved(images[chosen], rng, reach=1)), {"label": labels[chosen]}

    write_rows(SAMPLE.evaluation, {**named(images[part.evaluation]), "label": labels[part.evaluation]})
    write_rows(SAMPLE.calibration, named(images[part.calibration]))
    write_rows(SAMPLE.folder / "example.npz", named(images[part.calibration[:1]]))
    model = fit(build, draw, loss, SCHEDULE)
    write_weights(model, SAMPLE)
    print(scores(model, SAMPLE))


if __name__ == "__main__":
    main()
