"""What ExecuTorch programs are said to need, against ExecuTorch's own readers of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from artifacts import golden
from executorch.codegen.tools.gen_oplist import gen_oplist
from executorch.exir._serialize import _deserialize_pte_binary

from edgeproof.converters.needs.reading import needs_of

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", ["net.pte", "portable.pte", "dynamic.pte"])
def test_operators_backends_and_memory_are_those_of_the_plan(name: str) -> None:
    plans = _deserialize_pte_binary(golden(name).read_bytes()).program.execution_plan
    (plan,) = (each for each in plans if each.name == "forward")
    needs, _ = needs_of(golden(name), "executorch", made_by={})
    named = {f"{operator.name}.{operator.overload}" for operator in plan.operators}
    assert {operator.name for operator in needs.operators if operator.backend is None} == named
    assert set(needs.backends) == {delegate.id for delegate in plan.delegates}
    assert needs.arena_bytes == sum(plan.non_const_buffer_sizes)


@pytest.mark.parametrize("name", ["net.pte", "portable.pte"])
def test_the_selective_build_takes_the_list_for_the_same_operators(name: str, tmp_path: Path) -> None:
    _, reduced = needs_of(golden(name), "executorch", made_by={})
    assert reduced is not None
    by_list, by_model = tmp_path / "list.yaml", tmp_path / "model.yaml"
    gen_oplist(by_list, root_ops=reduced.text.strip())
    gen_oplist(by_model, model_file_path=str(golden(name)))
    listed, modelled = (set(yaml.safe_load(file.read_text())["operators"]) for file in (by_list, by_model))
    assert listed == modelled
