"""A small network of depthwise bottlenecks after MobileNetV3 (Howard et al., 2019)."""

from __future__ import annotations

from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """Weighs each channel by what the whole image holds."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(8, channels // 4)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.squeeze = nn.Conv2d(channels, narrow, 1)
        self.relu = nn.ReLU()
        self.excite = nn.Conv2d(narrow, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Images (n, channels, height, width) in and out."""
        weights: Tensor = self.gate(self.excite(self.relu(self.squeeze(self.pool(x)))))
        return x * weights


class Bottleneck(nn.Module):
    """Widen, filter each channel, weigh, narrow; with a residual where the shape stays."""

    def __init__(self, channels: int, out_channels: int, *, wide: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.residual = stride == 1 and channels == out_channels
        self.layers = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.Hardswish(),
            nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.Hardswish(),
            SqueezeExcite(wide),
            nn.Conv2d(wide, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Images (n, channels, height, width) in, by the stride smaller out."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class DigitsCnn(nn.Module):
    """Class scores (n, 10) of images (n, 1, 28, 28) in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish())
        self.blocks = nn.Sequential(
            Bottleneck(16, 16, wide=32, kernel=3, stride=1),
            Bottleneck(16, 24, wide=48, kernel=3, stride=2),
            Bottleneck(24, 24, wide=64, kernel=5, stride=1),
            Bottleneck(24, 32, wide=72, kernel=3, stride=2),
        )
        self.head = nn.Sequential(
            nn.Conv2d(32, 96, 1, bias=False),
            nn.BatchNorm2d(96),
            nn.Hardswish(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(96, 10),
        )

    def forward(self, image: Tensor) -> Tensor:
        """The scores of each class."""
        scores: Tensor = self.head(self.blocks(self.stem(image)))
        return scores


def build() -> DigitsCnn:
    """The untrained network."""
    return DigitsCnn()
