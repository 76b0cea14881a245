"""A small PyTorch model whose interface has everything that converters must keep: names, several inputs, a dict."""

from __future__ import annotations

import torch


class TwoInputs(torch.nn.Module):
    """An image and token ids in, a dict out."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.embedding = torch.nn.Embedding(10, 4)
        self.head = torch.nn.Linear(4, 2)

    def forward(self, image: torch.Tensor, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        """Scores that depend on both inputs, and the features they come from."""
        features = self.convolution(image).relu().mean((2, 3)) + self.embedding(ids).mean(1)
        return {"scores": self.head(features), "features": features}


def build() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    """The model and its example inputs."""
    torch.manual_seed(0)
    return TwoInputs(), {"image": torch.randn(1, 3, 8, 8), "ids": torch.tensor([[1, 2, 3]])}
