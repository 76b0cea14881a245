"""Train the face classifier on scikit-image's LFW subset: `python -m edgeproof.sample_models.faces_cnn.train`."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from ..catalog import sample
from ..datasets.faces import read_crops
from ..datasets.mnist import moved
from ..datasets.partition import CALIBRATION_ROWS, write_rows
from ..training.keras_file import scores, write_model
from .model import build

SAMPLE = sample("faces_cnn")
SEED = 1
EPOCHS = 30
COPIES = 10

Images = NDArray[np.float32]


def varied(images: Images, rng: np.random.Generator) -> Images:
    """Copies moved, mirrored at random, and a little darker or brighter."""
    copies = moved(images, rng, reach=2)
    mirrored = rng.random(len(copies)) < 0.5
    copies[mirrored] = copies[mirrored, :, ::-1]
    gain, offset = rng.uniform(0.7, 1.3, (len(copies), 1, 1)), rng.uniform(-0.1, 0.1, (len(copies), 1, 1))
    return np.clip(copies * gain + offset, 0, 1).astype(np.float32)


def main() -> None:
    """Train, write the model and the data, print the scores.

    There are only 200 crops. Half of each kind is held back, and judged as it is and mirrored: 200 rows. The
    model learns from the other 100, and calibration takes 64 of those.
    """
    images, labels = read_crops()
    order = np.random.default_rng(16).permutation(100)
    held_back = np.concatenate([order[:50], 100 + order[:50]])
    learnt = np.concatenate([order[50:], 100 + order[50:]])

    judged = np.concatenate([images[held_back], images[held_back, :, ::-1]])
    write_rows(SAMPLE.evaluation, {"image": judged[..., None], "label": np.tile(labels[held_back], 2)})
    calibration = np.random.default_rng(17).permutation(learnt)[:CALIBRATION_ROWS]
    write_rows(SAMPLE.calibration, {"image": images[calibration, ..., None]})

    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    model = build()
    # Some doubt about every label keeps the probabilities away from 0 and 1, where differences would not show.
    model.compile(keras.optimizers.AdamW(3e-3), loss=keras.losses.BinaryCrossentropy(label_smoothing=0.1))
    repeated = np.tile(learnt, COPIES)
    for epoch in range(EPOCHS):
        model.optimizer.learning_rate = 3e-3 * (1 - epoch / EPOCHS)
        history = model.fit(varied(images[repeated], rng)[..., None], labels[repeated], batch_size=32, verbose=0)
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1} of {EPOCHS}: loss {history.history['loss'][-1]:.4f}", flush=True)
    print(scores(write_model(model, build, SAMPLE), SAMPLE))


if __name__ == "__main__":
    main()
