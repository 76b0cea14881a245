"""The PyTorch samples load as a user's checkpoints do, and do their task as documented."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from edgeproof.sample_models.catalog import SAMPLES, Sample
from edgeproof.sample_models.training.torch_fit import Schedule, fit, scores

TORCH = [each for each in SAMPLES if each.framework == "torch"]

pytestmark = pytest.mark.torch
every_sample = pytest.mark.parametrize("each", TORCH, ids=lambda each: each.name)


def built(each: Sample) -> torch.nn.Module:
    """What the factory's file makes when it is run by itself, outside its package."""
    file, _, function = str(each.factory).partition(":")
    spec = importlib.util.spec_from_file_location(f"by_path_{each.name}", each.folder / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model: torch.nn.Module = getattr(module, function)()
    return model


def trained(each: Sample) -> torch.nn.Module:
    model = built(each)
    model.load_state_dict(load_file(str(each.folder / each.source)), strict=True)
    return model.eval()


@every_sample
def test_the_weights_fit_and_reach_the_documented_score(each: Sample) -> None:
    measured = scores(trained(each), each)
    assert measured[each.metric.name] == pytest.approx(each.reaches, abs=0.005)


@every_sample
def test_without_the_weights_the_task_is_not_done(each: Sample) -> None:
    torch.manual_seed(0)
    assert scores(built(each).eval(), each)[each.metric.name] < each.reaches - 0.3


@every_sample
def test_the_weights_are_for_everyone_to_read(each: Sample) -> None:
    assert (each.folder / each.source).stat().st_mode & 0o044 == 0o044


def test_what_the_mask_hides_does_not_matter() -> None:
    each = next(each for each in TORCH if each.name == "ink_tokens")
    with np.load(each.folder / "example.npz") as file:
        tokens, mask = torch.from_numpy(file["tokens"]), torch.from_numpy(file["mask"])
    model = trained(each)
    with torch.no_grad():
        shown, hidden = model(tokens, mask), model(torch.where(mask, tokens, 77), mask)
        unmasked = model(torch.where(mask, tokens, 77), torch.ones_like(mask))
    torch.testing.assert_close(shown, hidden)
    assert (shown - unmasked).abs().max() > 0.01


def test_training_learns_and_repeats_itself(tmp_path: Path) -> None:
    def draw(rng: np.random.Generator, count: int) -> Any:
        x = rng.normal(size=(count, 3)).astype(np.float32)
        return {"input": x}, {"y": x @ np.array([1, -2, 3], np.float32)}

    def loss(model: torch.nn.Linear, inputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor]) -> torch.Tensor:
        return ((model(**inputs)[:, 0] - targets["y"]) ** 2).mean()

    schedule = Schedule(steps=200, batch=16, peak_rate=0.1, seed=3)
    first, second = (fit(lambda: torch.nn.Linear(3, 1), draw, loss, schedule) for _ in range(2))
    torch.testing.assert_close(first.weight[0], torch.tensor([1.0, -2.0, 3.0]), atol=0.1, rtol=0)
    assert torch.equal(first.weight, second.weight)
