"""What the TorchScript reader says, against what PyTorch says about the same files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from artifacts import golden
from executorch.exir._serialize._program import deserialize_pte_binary, serialize_pte_binary
from executorch.exir.schema import ExtraTensorInfo, Tensor, TensorDataLocation

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


def test_names_that_a_program_of_executorch_does_store_are_shown(tmp_path: Path) -> None:
    stored = deserialize_pte_binary(golden("net.pte").read_bytes())
    plan = stored.program.execution_plan[0]
    for index, name in zip((*plan.inputs, *plan.outputs), ("image", "offset", "scores", "features"), strict=True):
        tensor = plan.values[index].val
        assert isinstance(tensor, Tensor)
        tensor.extra_tensor_info = ExtraTensorInfo(fully_qualified_name=name, location=TensorDataLocation.SEGMENT)
    file = tmp_path / "named.pte"
    file.write_bytes(bytes(serialize_pte_binary(stored, extract_delegate_segments=True)))
    contents = inspect_artifact(file).contents
    assert [fact.name for fact in (*contents.inputs, *contents.outputs)] == ["image", "offset", "scores", "features"]
    assert contents.notes == ()


def _operators_below(block: Any) -> Iterator[str]:
    for node in block.nodes():
        if node.kind().startswith("aten::"):
            yield node.kind()
        for inner in node.blocks():
            yield from _operators_below(inner)
