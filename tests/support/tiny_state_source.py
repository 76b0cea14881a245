"""A small PyTorch model that carries state: each call adds to it, so that what one call gets wrong adds up."""

from __future__ import annotations

import torch

SIZE = 8


class Adds(torch.nn.Module):
    """Scores of all that came so far, and the state for the next call."""

    drift: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.step = torch.nn.Linear(4, SIZE, bias=False)
        self.read = torch.nn.Linear(SIZE, 5)
        self.register_buffer("drift", torch.arange(1, SIZE + 1) / 512)

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> dict[str, torch.Tensor]:
        """One step on."""
        new = state + self.step(x) + self.drift
        return {"scores": self.read(new), "new": new}


def build() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    """The model and its example inputs."""
    torch.manual_seed(0)
    model = Adds()
    return model, {"x": torch.randn(1, 4), "state": torch.randn(1, SIZE)}
