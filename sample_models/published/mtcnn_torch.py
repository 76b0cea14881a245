"""The three nets of the MTCNN face detector in PyTorch (facenet-pytorch 2.6.0, MIT)."""

from __future__ import annotations

from types import ModuleType

import torch
from torch import Tensor, nn

from .package_files import load_module, package_file

REQUIREMENT = "facenet-pytorch==2.6.0"

Built = tuple[nn.Module, tuple[Tensor]]


def pnet() -> Built:
    """The proposal net with its weights, and an image (1, 3, 96, 96) in about [-1, 1]; see `onet` for errors."""
    return _net("PNet", size=96)


def rnet() -> Built:
    """The refining net with its weights, and an image (1, 3, 24, 24) in about [-1, 1]; see `onet` for errors."""
    return _net("RNet", size=24)


def onet() -> Built:
    """The output net with its weights, and an image (1, 3, 48, 48) in about [-1, 1].

    Raises SourceError when the package is not installed.
    """
    return _net("ONet", size=48)


def _net(name: str, *, size: int) -> Built:
    """A class of the package's own source, which reads its weights from beside it."""
    file = package_file(REQUIREMENT, "facenet_pytorch/models/mtcnn.py")
    # The nets do not need detect_face, which would bring torchvision.
    detect_face = ModuleType("detect_face")
    detect_face.__dict__.update(detect_face=None, extract_face=None)
    source = load_module(file, "published_facenet.mtcnn", instead={"published_facenet.utils.detect_face": detect_face})
    net: nn.Module = getattr(source, name)()
    return net.eval(), (_image(size),)


def _image(size: int) -> Tensor:
    """A soft bright spot on a darker ground, with a little noise, the same every time."""
    across = torch.linspace(-1, 1, size)
    spot = torch.exp(-2 * (across[:, None] ** 2 + across[None, :] ** 2))
    noise = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    return 1.6 * spot - 0.8 + 0.1 * noise
