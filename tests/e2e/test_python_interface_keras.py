"""edgeproof.convert on a live Keras model with layers, functions and lambdas of the session's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import edgeproof
from edgeproof.validators.parity import Verdict

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def classes() -> dict[str, Any]:
    """Defined here as in a cell of a notebook: no worker can import them."""

    class Scaled(keras.layers.Layer):
        def __init__(self, by: float = 3.0, **options: Any) -> None:
            super().__init__(**options)
            self.by = by

        def call(self, x: Any) -> Any:
            return keras.ops.relu(x) * self.by

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "by": self.by}

    class Twofold(keras.Model):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.dense = keras.layers.Dense(3)

        def call(self, x: Any) -> dict[str, Any]:
            return {"scores": self.dense(x), "again": x}

    def wave(x: Any) -> Any:
        return keras.ops.sin(x)

    registered = keras.saving.register_keras_serializable(package="session")(wave)
    return {"Scaled": Scaled, "Twofold": Twofold, "wave": registered}


@pytest.fixture
def namesake() -> Iterator[None]:
    """Another class of the same name in Keras' registry, as other code in the session may leave it there."""
    with keras.saving.custom_object_scope({"elsewhere>Scaled": type("Scaled", (keras.layers.Layer,), {})}):
        yield


@pytest.mark.usefixtures("namesake")
def test_own_layers_functions_and_lambdas_go_along(tmp_path: Path) -> None:
    own = classes()
    model = keras.Sequential(
        [
            keras.Input((4,)),
            own["Scaled"](2.0),
            keras.layers.Lambda(lambda x: x + 1),
            keras.layers.Dense(2, activation=own["wave"]),
        ]
    )
    made = edgeproof.convert(model, tmp_path / "out", to="litert,torchscript")
    assert made.report.verdict is Verdict.PASS
    assert len(made.report.results) == 2


def test_a_subclassed_model_takes_its_inputs_from_the_call(tmp_path: Path) -> None:
    model = classes()["Twofold"](name="twofold")
    model(np.ones((1, 4), np.float32))
    made = edgeproof.convert(model, tmp_path / "out", inputs=np.ones((2, 4), np.float32), to="onnx")
    assert made.report.verdict is Verdict.PASS
    assert [output.name for output in made.report.results[0].outputs] == ["scores", "again"]
