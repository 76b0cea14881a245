"""Chooses the quantised engine of torch that computes exactly on this machine.

Stored weights are packed for an engine when a file is loaded, so the engine is a matter of the machine that runs.
Without the VNNI instructions the kernels of fbgemm and oneDNN add two products in 16 bits and saturate
(https://github.com/pytorch/pytorch/issues/103646, https://github.com/pytorch/pytorch/issues/44939), and fbgemm's
depthwise kernels, which the engine "x86" takes for more than 100 groups, do so on every processor. QNNPACK never does.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Generator
from contextlib import contextmanager

import torch

# The fastest first.
_ENGINES = ("onednn", "qnnpack")
_CHANNELS = 32


@functools.cache
def exact_engine() -> str:
    """The first engine that adds up the largest products without saturating; the default one if none does."""
    return next((engine for engine in _ENGINES if _is_exact(engine)), str(torch.backends.quantized.engine))


@contextmanager
def exact_integers() -> Generator[None]:
    """Packs and computes with that engine inside, without torch's warning that it may drop quantised tensors."""
    engine = exact_engine()
    with use_engine(engine), warnings.catch_warnings():
        # https://github.com/pytorch/pytorch/issues/184982: there is no other integer kernel that a TorchScript file
        # can call on x86 and on Arm.
        warnings.filterwarnings("ignore", message=r".*torch\.quint8.*deprecated.*", category=UserWarning)
        yield


def prefer_exact_engine() -> None:
    """Make it this process's engine."""
    torch.backends.quantized.engine = exact_engine()


@contextmanager
def use_engine(name: str) -> Generator[None]:
    """Packs and computes with an engine inside."""
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = name
    try:
        yield
    finally:
        torch.backends.quantized.engine = before


def _is_exact(engine: str) -> bool:
    if engine not in torch.backends.quantized.supported_engines:
        return False
    with use_engine(engine), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return all(_adds_up(groups) for groups in (1, _CHANNELS))


def _adds_up(groups: int) -> bool:
    """Whether a convolution of the largest activations and weights gives the sum that it should."""
    ones = torch.ones(_CHANNELS)
    weights = torch.full((_CHANNELS, _CHANNELS // groups, 3, 3), 127.0)
    integers = torch.quantize_per_channel(weights, ones, torch.zeros(_CHANNELS, dtype=torch.int64), 0, torch.qint8)
    pixels = torch.quantize_per_tensor(torch.full((1, _CHANNELS, 4, 4), 255.0), 1.0, 0, torch.quint8)
    packed = torch.ops.quantized.conv2d_prepack(integers, None, [1, 1], [0, 0], [1, 1], groups)
    total = 255 * 127 * 9 * _CHANNELS // groups
    result = torch.ops.quantized.conv2d(pixels, packed, total / 200, 0).int_repr()
    return bool((result == 200).all())
