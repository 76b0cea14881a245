"""Tells which measured tensors ExecuTorch's XNNPACK delegate can turn to channels-last."""

from __future__ import annotations

import torch
from torch import fx

_aten = torch.ops.aten
_IMAGE_RANK = 4
_PADS = frozenset({_aten.constant_pad_nd.default, _aten.pad.default})
# Operators that give an image whose channels stand where they stood.
_BETWEEN = frozenset(
    {
        _aten.relu.default,
        _aten.relu_.default,
        _aten.relu6.default,
        _aten.hardtanh.default,
        _aten.hardtanh_.default,
        _aten.hardswish.default,
        _aten.hardsigmoid.default,
        _aten.sigmoid.default,
        _aten.silu.default,
        _aten.gelu.default,
        _aten.clamp.default,
        _aten.prelu.default,
        _aten.batch_norm.default,
        _aten.dropout.default,
        _aten.cat.default,
        _aten.add.Tensor,
        _aten.add_.Tensor,
        _aten.sub.Tensor,
        _aten.mul.Tensor,
        _aten.mean.dim,
        *_PADS,
    }
)


def has_channels_last(value: fx.Node) -> bool:
    """Whether a measured tensor has its channels last already, or can have them from its very source on.

    executorch 1.5.1 puts the copy that turns the axes for a convolution of measured images behind the first tensor of
    all that it comes from. It stops where that is no image, and pads or reshapes the wrong axes of one on the way: the
    program then fails when it runs.
    """
    tensor = value.meta["val"]
    if not isinstance(tensor, torch.Tensor) or tensor.dim() != _IMAGE_RANK:
        return False
    if value.op == "placeholder" or "conv" in str(value.target) or "pool2d" in str(value.target):
        return True
    if value.target is _aten.unsqueeze.default:
        return value.args[1] not in (-1, _IMAGE_RANK - 1)  # XNNPACK does not take it, and begins behind it
    sources = [source for source in value.all_input_nodes if source.op != "placeholder" or _rank(source) > 1]
    if value.target in _PADS and any(source.op == "placeholder" for source in sources):
        return False
    return value.target in _BETWEEN and all(has_channels_last(source) for source in sources)


def _rank(source: fx.Node) -> int:
    return int(source.meta["val"].dim())
