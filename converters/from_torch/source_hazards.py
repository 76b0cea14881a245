"""Looks for hazards in a PyTorch source before anything is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import fx
from torch.utils import _pytree as pytree

from ..errors import ConversionError, NotRepeatable
from ..hazards import Hazard, HazardCode, closed_dimensions, together
from ..signature import Signature, spec_of
from ..source import Source
from .hazards import hazards_before, is_channels_last
from .program import TorchProgram, flat_source, given_inputs

_RANDOM = (HazardCode.TRAINING_MODE, HazardCode.RANDOM_OPERATOR)
_READ_WRONGLY = "an example input lies in channels_last order, which ExecuTorch would read wrongly, without an error"
_CONTIGUOUS = "let the app hand over contiguous tensors"


def hazards_of_source(source: Source, signature: Signature) -> Iterator[Hazard]:
    """What its example inputs and its own program tell, beside the signature that was found."""
    given = [leaf for leaf in pytree.tree_leaves(given_inputs(source)) if isinstance(leaf, torch.Tensor)]
    if any(is_channels_last(tensor) for tensor in given):
        yield Hazard(code=HazardCode.CHANNELS_LAST, reason=_READ_WRONGLY, fix=_CONTIGUOUS)
    module: torch.nn.Module = flat_source(source)[0].module
    if isinstance(module, fx.GraphModule):
        yield from closed_dimensions(signature, _sizes_of(module))


def located(error: NotRepeatable, source: Source) -> NotRepeatable:
    """The error with the places of what is random, if torch.export can follow the model so far."""
    flat, tensors = flat_source(source)
    inputs = tuple(spec_of(name, tensor.numpy()) for name, tensor in zip(flat.input_names, tensors, strict=True))
    program = TorchProgram(flat, tensors, Signature(inputs=inputs, outputs=()))
    try:
        found = [hazard for hazard in hazards_before(program.source_program) if hazard.code in _RANDOM]
    except ConversionError as refusal:
        return NotRepeatable(error.message, fix=f"{error.fix} ({refusal.message})")
    return NotRepeatable("; ".join((error.message, *(hazard.sentence for hazard in together(found)))), fix=error.fix)


def _sizes_of(module: fx.GraphModule) -> Iterator[Sequence[int | None]]:
    """The sizes of each input of an exported program, None where it leaves them open."""
    for node in module.graph.find_nodes(op="placeholder"):
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor):
            sizes: list[Any] = list(value.shape)
            yield tuple(size if isinstance(size, int) else None for size in sizes)
