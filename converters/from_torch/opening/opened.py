"""What opening a PyTorch source gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The module in evaluation mode, the example inputs that came with it (None if none did), what to know about it."""

    module: torch.nn.Module
    examples: Any = None
    notes: tuple[str, ...] = ()
