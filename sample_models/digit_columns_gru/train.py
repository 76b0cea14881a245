"""Train the column-reading GRU: `python -m edgeproof.sample_models.digit_columns_gru.train --mnist FOLDER`."""

from __future__ import annotations

import keras
import numpy as np

from ..catalog import sample
from ..datasets.mnist import folder_argument, moved, read_digits
from ..datasets.partition import partition, write_rows
from ..training.keras_file import scores, write_model
from .model import build

SAMPLE = sample("digit_columns_gru")
SEED = 1
EPOCHS = 12
PEAK_RATE = 8e-3


def main() -> None:
    """Train, write the model and the data, print the scores."""
    images, labels = read_digits(folder_argument(__doc__ or ""))
    part = partition(len(images), evaluation=300, seed=18)
    columns = np.ascontiguousarray(images.transpose(0, 2, 1))
    write_rows(SAMPLE.evaluation, {"columns": columns[part.evaluation], "label": labels[part.evaluation]})
    write_rows(SAMPLE.calibration, {"columns": columns[part.calibration]})

    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    model = build()
    model.compile(keras.optimizers.AdamW(PEAK_RATE, clipnorm=1.0), loss="sparse_categorical_crossentropy")
    for epoch in range(EPOCHS):
        model.optimizer.learning_rate = PEAK_RATE * (1 - epoch / EPOCHS)
        seen = moved(columns[part.training], rng, reach=1)
        history = model.fit(seen, labels[part.training], batch_size=128, verbose=0)
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {history.history['loss'][-1]:.4f}", flush=True)
    print(scores(write_model(model, build, SAMPLE), SAMPLE))


if __name__ == "__main__":
    main()
