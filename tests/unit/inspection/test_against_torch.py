"""What the TorchScript reader says, against what PyTorch says about the same files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from artifacts import golden

from edgeproof.converters.inspection.inspect import inspect_artifact


@pytest.mark.parametrize("name", ["net.pt", "counter.pt"])
def test_operators_are_those_of_the_inlined_graph(name: str) -> None:
    loaded = torch.jit.load(str(golden(name)))
    counted = Counter(_operators_below(loaded.inlined_graph))
    del counted["aten::Bool"]  # the code writes it as bool(...)
    assert inspect_artifact(golden(name)).contents.operators == counted


@pytest.mark.parametrize("name", ["net.pt", "counter.pt"])
def test_weights_are_those_of_the_module(name: str) -> None:
    loaded = torch.jit.load(str(golden(name)))
    parameters = [*loaded.parameters(), *loaded.buffers()]
    weights = inspect_artifact(golden(name)).contents.weights
    assert weights.count == sum(tensor.numel() for tensor in parameters)
    assert weights.bytes == sum(tensor.numel() * tensor.element_size() for tensor in parameters)


def _operators_below(block: Any) -> Iterator[str]:
    for node in block.nodes():
        if node.kind().startswith("aten::"):
            yield node.kind()
        for inner in node.blocks():
            yield from _operators_below(inner)
