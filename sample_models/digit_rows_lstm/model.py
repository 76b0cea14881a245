"""Two LSTM layers that read an image from the top row to the bottom row."""

from __future__ import annotations

from torch import Tensor, nn


class DigitRowsLstm(nn.Module):
    """Class scores (n, 10) of rows (n, 28, 28): rows in time, the pixels of a row as features, in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 52, num_layers=2, batch_first=True)
        self.head = nn.Linear(52, 10)

    def forward(self, rows: Tensor) -> Tensor:
        """The scores after the last row."""
        states, _ = self.lstm(rows)
        scores: Tensor = self.head(states[:, -1])
        return scores


def build() -> DigitRowsLstm:
    """The untrained network."""
    return DigitRowsLstm()
