"""A two-layer attention encoder (Vaswani et al., 2017), normalised before each part, over the patches of a digit."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

VOCABULARY = 256
LENGTH = 36
WIDTH = 40
HEADS = 4
DEPTH = 2


class Attention(nn.Module):
    """Softmax attention with several heads; places that `mask` (n, length) marks False are not looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """States (n, length, width) in and out."""
        query, key, value = (self.split(part(x)) for part in (self.query, self.key, self.value))
        scores = query @ key.transpose(-2, -1) / math.sqrt(WIDTH // HEADS)
        scores = scores.masked_fill(~mask[:, None, None, :], float("-inf"))
        mixed = torch.softmax(scores, dim=-1) @ value
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out

    def split(self, x: Tensor) -> Tensor:
        """(n, length, width) to (n, heads, length, width / heads)."""
        return x.view(x.shape[0], x.shape[1], HEADS, WIDTH // HEADS).transpose(1, 2)


class Layer(nn.Module):
    """Attention, then two dense layers with GELU, each added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.dense = nn.Sequential(
            nn.LayerNorm(WIDTH),
            nn.Linear(WIDTH, 2 * WIDTH),
            nn.GELU(),
            nn.Linear(2 * WIDTH, WIDTH),
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """States (n, length, width) in and out."""
        x = x + self.attention(self.attention_norm(x), mask)
        y: Tensor = x + self.dense(x)
        return y


class InkTokens(nn.Module):
    """Class scores (n, 10) of tokens (n, 36) int64; `mask` (n, 36) bool says which tokens count."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.places = nn.Embedding(LENGTH, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, 10)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """The scores of each class, from the mean of the states that count."""
        x = self.embedding(tokens) + self.places(torch.arange(LENGTH, device=tokens.device))
        for layer in self.layers:
            x = layer(x, mask)
        real = mask.unsqueeze(-1).to(x.dtype)
        mean = (self.norm(x) * real).sum(1) / real.sum(1)
        scores: Tensor = self.head(mean)
        return scores


def build() -> InkTokens:
    """The untrained encoder."""
    return InkTokens()
