"""The same Keras files load with PyTorch below Keras, and do the same task."""

from __future__ import annotations

import sys

import keras
import pytest
import torch

from edgeproof.converters.worker.__main__ import WithoutPackages
from edgeproof.sample_models.catalog import SAMPLES, Sample
from edgeproof.sample_models.training.keras_file import scores

KERAS = [each for each in SAMPLES if each.framework == "keras"]

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras imports TensorFlow, if it finds it, when it opens some layers: here it is hidden, as in a worker."""
    hidden = frozenset({"tensorflow"})
    monkeypatch.setattr(sys, "meta_path", [WithoutPackages(finder, hidden) for finder in sys.meta_path])


@pytest.mark.parametrize("each", KERAS, ids=lambda each: each.name)
def test_the_model_reaches_the_documented_score(each: Sample) -> None:
    model = keras.saving.load_model(each.folder / each.source)
    assert isinstance(model, torch.nn.Module)
    assert scores(model, each)[each.metric.name] == pytest.approx(each.reaches, abs=0.005)
