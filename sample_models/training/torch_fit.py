"""Training a PyTorch sample and writing its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from ..catalog import Sample
from ..evaluation import evaluate_all, read_evaluation, rows
from ..metrics import Arrays

Batch = tuple[Mapping[str, NDArray[np.generic]], Mapping[str, NDArray[np.generic]]]
Draw = Callable[[np.random.Generator, int], Batch]
Tensors = dict[str, Tensor]
ModelT = TypeVar("ModelT", bound=nn.Module)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long to learn: `steps` batches of `batch` rows, the rate rising to `peak_rate` and falling to nothing."""

    steps: int
    batch: int
    peak_rate: float
    seed: int


def fit(
    build: Callable[[], ModelT],
    draw: Draw,
    loss: Callable[[ModelT, Tensors, Tensors], Tensor],
    schedule: Schedule,
) -> ModelT:
    """Build a model and train it on batches from `draw`; the same seed gives the same weights on one machine."""
    torch.manual_seed(schedule.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(schedule.seed)
    model = build()
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=schedule.peak_rate, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, schedule.peak_rate, total_steps=schedule.steps)
    for step in range(schedule.steps):
        inputs, targets = (_tensors(arrays) for arrays in draw(rng, schedule.batch))
        optimiser.zero_grad()
        penalty = loss(model, inputs, targets)
        penalty.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        rate.step()
        if (step + 1) % max(1, schedule.steps // 10) == 0:
            print(f"step {step + 1:5d} of {schedule.steps}: loss {penalty.item():.4f}", flush=True)
    model.eval()
    return model


def write_weights(model: nn.Module, sample: Sample) -> None:
    """Write the model's state_dict as the sample's .safetensors."""
    state = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    path = sample.folder / sample.source
    save_file(state, str(path))
    path.chmod(0o644)  # safetensors 0.8 makes files that their owner alone may read


def scores(model: nn.Module, sample: Sample) -> dict[str, float]:
    """Every score of the model on the sample's evaluation rows."""
    inputs, _ = read_evaluation(sample)
    with torch.no_grad():
        outputs = _arrays(model(**_tensors(inputs)))
    return evaluate_all(sample, list(rows(outputs)))


def _tensors(arrays: Arrays) -> Tensors:
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def _arrays(outputs: Tensor | dict[str, Tensor]) -> Arrays:
    named = outputs if isinstance(outputs, dict) else {"output": outputs}
    return {name: tensor.numpy() for name, tensor in named.items()}
