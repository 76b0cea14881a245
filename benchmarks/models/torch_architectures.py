"""Architectures of timm and Transformers with random weights, for distributions over many models.

`timm_model(name=..., seed=...)` and `transformers_model(name=..., seed=...)` are factories for `edgeproof convert` with
`--model-arg`; both return (module, example inputs).
"""

from __future__ import annotations

import sys
from unittest.mock import MagicMock

import torch
from fetch import package
from torch import Tensor, nn

Tensors = tuple[Tensor, ...]
_PARTS = (
    "",
    ".datasets",
    ".io",
    ".models",
    ".models.feature_extraction",
    ".ops",
    ".ops.misc",
    ".transforms",
    ".transforms.functional",
)
_TOKENS, _VOCABULARY = 24, 500


def timm_model(name: str, seed: str) -> tuple[nn.Module, Tensors]:
    """A network for images; its statistics are those of a few random images, so that it computes as a trained one."""
    _without_torchvision()
    sys.path.append(str(package("timm")))
    import timm  # noqa: PLC0415 (it is not installed, and lies where the line above says)

    torch.manual_seed(int(seed))
    model = timm.create_model(name)
    size = model.default_cfg["input_size"]
    _settle(model, torch.randn(4, *size))
    return model.eval(), (torch.randn(1, *size),)


def _without_torchvision() -> None:
    """Timm imports it for its data sets, which nobody asks for here."""
    for part in _PARTS:
        sys.modules.setdefault(f"torchvision{part}", MagicMock(__spec__=None, __path__=[]))


def _settle(model: nn.Module, images: Tensor) -> None:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of what comes, and not a part of it
    model.train()
    with torch.no_grad():
        model(images)


def transformers_model(name: str, seed: str) -> tuple[nn.Module, Tensors]:
    """A small model of this type: token ids and a mask to hidden states."""
    from transformers import AutoConfig, AutoModel  # noqa: PLC0415 (the other factory need not wait for it)

    torch.manual_seed(int(seed))
    sizes = {
        "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 128,
        "vocab_size": _VOCABULARY, "max_position_embeddings": 64,
        "dim": 64, "n_layers": 3, "n_heads": 4, "hidden_dim": 128, "embedding_size": 32,
    }  # fmt: skip
    model = AutoModel.from_config(AutoConfig.for_model(name, **sizes), attn_implementation="eager")
    ids = torch.randint(5, _VOCABULARY, (2, _TOKENS))
    mask = torch.ones_like(ids)
    mask[1, _TOKENS // 2 :] = 0
    return _FirstOutput(model).eval(), (ids, mask)


class _FirstOutput(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(n, tokens) twice to (n, tokens, width)."""
        hidden: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return hidden
