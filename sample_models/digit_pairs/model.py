"""One encoder for two digits, and two questions about the pair."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """Features (n, 48) of images (n, 1, 28, 28)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(24, 32, 3, padding=1, stride=2),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, 48),
            nn.ReLU(),
        )

    def forward(self, image: Tensor) -> Tensor:
        """The layers in turn."""
        features: Tensor = self.layers(image)
        return features


class DigitPairs(nn.Module):
    """`same` (n,), the probability that both images (n, 1, 28, 28) show one digit, and `sum` (n,) of the digits."""

    values: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.digit = nn.Linear(48, 10)
        self.compare = nn.Sequential(nn.Linear(96, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())
        self.register_buffer("values", torch.arange(10, dtype=torch.float32))

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Tensor]:
        """Both answers, by name."""
        first, second = self.encoder(left), self.encoder(right)
        pair = torch.cat([(first - second).abs(), first * second], dim=1)
        same = self.compare(pair).squeeze(1)
        return {"same": same, "sum": self.value(first) + self.value(second)}

    def value(self, features: Tensor) -> Tensor:
        """The expected digit (n,)."""
        chances = torch.softmax(self.digit(features), dim=1)
        return (chances * self.values).sum(1)


def build() -> DigitPairs:
    """The untrained network."""
    return DigitPairs()
