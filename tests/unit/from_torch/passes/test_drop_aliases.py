"""An alias computes nothing and goes away, but for one that keeps an input from going straight out."""

from __future__ import annotations

import pytest
import torch
from torch_lowering import Flat, exported

from edgeproof.converters.from_torch.passes.drop_aliases import drop_aliases

pytestmark = pytest.mark.torch
alias = torch.ops.aten.alias


def aliases(program: torch.export.ExportedProgram) -> int:
    return len(program.graph.find_nodes(op="call_function", target=torch.ops.aten.alias.default))


def test_an_alias_inside_and_one_that_goes_out_are_dropped() -> None:
    inputs = (torch.randn(2, 3),)
    program = exported(Flat(lambda x: (alias(x * 2) + 1, alias(x * 3))), inputs)
    assert aliases(program) == 2
    rewritten = drop_aliases(program)
    assert aliases(rewritten) == 0
    for got, wanted in zip(rewritten.module()(*inputs), program.module()(*inputs), strict=True):
        assert torch.equal(got, wanted)


def test_an_alias_that_is_written_to_stays() -> None:
    program = exported(Flat(lambda x: alias(x * 2).add_(1)), (torch.randn(2, 3),))
    assert aliases(drop_aliases(program)) == aliases(program)
