"""Train the tumour model on scikit-learn's breast cancer table: `python -m edgeproof.sample_models.tumours.train`."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from ..catalog import sample
from ..datasets.partition import partition, write_rows
from ..datasets.tumours import read_table, standardised
from ..training.keras_file import scores, write_model
from .model import build

SAMPLE = sample("tumours")
SEED = 1
EPOCHS = 150
PEAK_RATE = 5e-3


def main() -> None:
    """Train, write the model and the data, print the scores."""
    table = read_table()
    part = partition(len(table.malignant), evaluation=200, seed=19)
    inputs = {
        "means": standardised(table.means, part.training),
        "errors": standardised(table.errors, part.training),
    }
    judged = {name: columns[part.evaluation] for name, columns in inputs.items()}
    labels: dict[str, NDArray[np.generic]] = {
        "label_malignant": table.malignant[part.evaluation],
        "label_worst_radius": table.worst_radius[part.evaluation],
    }
    write_rows(SAMPLE.evaluation, {**judged, **labels})
    write_rows(SAMPLE.calibration, {name: columns[part.calibration] for name, columns in inputs.items()})

    keras.utils.set_random_seed(SEED)
    model = build()
    rate = keras.optimizers.schedules.CosineDecay(PEAK_RATE, EPOCHS * (len(part.training) // 16 + 1))
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.05),
        loss={"worst_radius": "mean_absolute_error", "malignant": "binary_crossentropy"},
        loss_weights={"worst_radius": 0.3, "malignant": 1.0},
    )
    known = {"worst_radius": table.worst_radius[part.training, None], "malignant": table.malignant[part.training, None]}
    learnt = {name: columns[part.training] for name, columns in inputs.items()}
    history = model.fit(learnt, known, batch_size=16, epochs=EPOCHS, verbose=0)
    print(f"loss {history.history['loss'][-1]:.4f}", flush=True)
    print(scores(write_model(model, build, SAMPLE), SAMPLE))


if __name__ == "__main__":
    main()
