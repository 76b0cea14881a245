"""All that a PyTorch module has learnt, as arrays of plain numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch


def weights_of(module: torch.nn.Module) -> Iterator[np.ndarray]:
    """The bytes of every tensor in the state_dict, in its order (numpy lacks some of torch's dtypes).

    Sparse, quantised and other tensors of special classes are left out.
    """
    for value in module.state_dict().values():
        if type(value) is torch.Tensor and value.layout is torch.strided and not value.is_quantized:
            plain = torch.view_as_real(value.resolve_conj()) if value.is_complex() else value
            yield plain.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
