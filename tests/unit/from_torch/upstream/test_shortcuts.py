"""The shortcuts change no byte of any artifact, and nothing of them stays behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
import yaml
from ruamel.yaml import YAML
from torch import fx, nn
from torch.export import ExportedProgram
from torch_lowering import Flat, exported, signature_of

from edgeproof.converters.from_torch import executorch, litert, litert_lowerings
from edgeproof.converters.from_torch.lowering import Lowering
from edgeproof.converters.from_torch.recurrent_shapes import whole_recurrent_layers
from edgeproof.converters.from_torch.upstream import exir
from edgeproof.converters.from_torch.upstream.shortcuts import shortcuts

pytestmark = pytest.mark.torch


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(11, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")

    def forward(self, ids: torch.Tensor, keep: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.layer(self.words(ids), src_key_padding_mask=~keep),)


def convolutions() -> nn.Module:
    first = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU6(inplace=True))
    second = nn.Sequential(nn.MaxPool2d(2), nn.BatchNorm2d(8), nn.PReLU(8), nn.Conv2d(8, 4, 1), nn.Hardswish())
    return Flat(lambda one, two, x: two(one(x)).mean((2, 3)), first, second)


MODELS: dict[str, Callable[[], tuple[nn.Module, tuple[torch.Tensor, ...]]]] = {
    "convolutions": lambda: (convolutions(), (torch.randn(2, 3, 16, 18),)),
    "attention": lambda: (Attention(), (torch.randint(0, 11, (2, 5)), torch.ones(2, 5, dtype=torch.bool))),
    "conv1d and resizing": lambda: (
        Flat(lambda one, x: nn.functional.interpolate(one(x).unsqueeze(1), scale_factor=2), nn.Conv1d(3, 4, 3)),
        (torch.randn(1, 3, 9),),
    ),
    "recurrent": lambda: (Flat(lambda layer, x: layer(x)[0], nn.GRU(3, 4)), (torch.randn(5, 1, 3),)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("lower", [executorch.lower, litert.lower], ids=["executorch", "litert"])
@pytest.mark.slow
def test_the_artifact_is_the_same_without_the_shortcuts(
    name: str, lower: Callable[..., Lowering], monkeypatch: pytest.MonkeyPatch
):
    model, inputs = MODELS[name]()
    with whole_recurrent_layers():
        program = exported(model, inputs)
    signature = signature_of(inputs, program.module()(*inputs))
    quick = lower(program, signature).payload
    for module in (executorch, litert):
        monkeypatch.setattr(module, "shortcuts", nullcontext)
    assert lower(program, signature).payload == quick


def test_everything_is_as_before_afterwards():
    def touched() -> list[Any]:
        run, decompose = ExportedProgram.run_decompositions, torch.export.exported_program._decompose_exported_program
        return [run, decompose, fx.GraphModule.recompile, fx.GraphModule.code, torch.fx.traceback.NodeSource.__init__]

    before = touched()
    with pytest.raises(KeyError), shortcuts():
        assert touched() != before
        raise KeyError
    assert touched() == before


def test_code_is_written_when_the_module_is_called():
    with shortcuts():
        module = fx.symbolic_trace(nn.ReLU())
        assert "def forward" in module.code
        assert torch.equal(module(torch.tensor([-1.0, 2.0])), torch.tensor([0.0, 2.0]))
        for node in module.graph.nodes:
            if node.op == "call_function":
                node.target, node.kwargs = torch.neg, {}
        module.recompile()
        assert torch.equal(module(torch.tensor([-1.0, 2.0])), torch.tensor([1.0, -2.0]))


def test_a_decomposition_with_nothing_to_do_gives_the_same_program():
    program = exported(Flat(lambda layer, x: layer(x), nn.Linear(3, 4)), (torch.randn(2, 3),))
    with shortcuts():
        once = program.run_decompositions()
        table = torch.export.default_decompositions()
        assert once.run_decompositions(table) is once
        assert program.run_decompositions(table) is not program


def test_a_program_that_writes_to_its_inputs_goes_the_long_way():
    def scribble(x: torch.Tensor) -> torch.Tensor:
        room = torch.zeros(2, 3)
        room[0].copy_(x)
        return room + x

    program = exported(Flat(scribble), (torch.randn(3),))
    with shortcuts():
        decomposed = program.run_decompositions()
    assert not any("copy_" in str(node.target) for node in decomposed.graph.nodes)
    assert torch.equal(decomposed.module()(torch.ones(3))[0], program.module()(torch.ones(3))[0])


def test_both_yaml_parsers_read_the_same_table():
    text = "- func: add\n  inherits: aten::add\n  type_alias:\n    T0: [Bool, Byte]\n  type_constraint:\n  - a: T0\n"
    assert exir._QuickYaml(typ="safe").load(text) == YAML(typ="safe").load(text) == yaml.safe_load(text)


def test_lowering_the_same_operators_twice_registers_them_once():
    before = litert_lowerings.lowerings.lookup(torch.ops.aten.permute.default)
    litert_lowerings.register()
    assert litert_lowerings.lowerings.lookup(torch.ops.aten.permute.default) is before
