"""Lowering to LiteRT: names, dtypes and sizes stay, and what LiteRT lacks is refused in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn
from torch_lowering import Flat, exported, largest_difference, run_litert, signature_of

from edgeproof.converters.errors import ConversionError, UnsupportedOperators
from edgeproof.converters.from_torch.litert import lower
from edgeproof.converters.from_torch.lowering import Lowering
from edgeproof.converters.signature import Signature, TensorSpec

pytestmark = pytest.mark.torch
CLOSE = 1e-6


def lowered(model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Lowering:
    program = exported(model, inputs)
    return lower(program, signature_of(inputs, program.module()(*inputs)))


def network() -> nn.Module:
    layers = (nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1))
    return Flat(lambda body, x: body(x), nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 5)))


def test_the_file_computes_what_the_model_computes():
    model, inputs = network().eval(), (torch.randn(2, 3, 12, 10),)
    assert largest_difference(model(*inputs), run_litert(lowered(model, inputs).payload, inputs)) < CLOSE


def test_inputs_and_outputs_have_the_signatures_names():
    inputs = (torch.randn(2, 3), torch.randn(2, 3))
    names = Signature(
        inputs=tuple(TensorSpec(name=name, dtype="float32", shape=(2, 3)) for name in ("zulu", "alpha")),
        outputs=tuple(TensorSpec(name=name, dtype="float32", shape=(2, 3)) for name in ("sum", "difference")),
    )
    payload = lower(exported(Flat(lambda x, y: (x + y, x - y)), inputs), names).payload
    outputs = Interpreter(model_content=payload).get_signature_runner()(zulu=inputs[0].numpy(), alpha=inputs[1].numpy())
    assert set(outputs) == {"sum", "difference"}
    assert torch.equal(torch.from_numpy(outputs["difference"]), inputs[0] - inputs[1])


def test_int64_and_bool_stay_what_they_are():
    inputs = (torch.tensor([[2**40, 7], [3, -4]]), torch.tensor([[True, False], [False, True]]))
    model = Flat(lambda x, keep: (x * 3, keep & (x > 5)))
    made = lowered(model, inputs)
    assert largest_difference(model(*inputs), run_litert(made.payload, inputs)) == 0
    assert made.notes == ("int64 kept for in_0, out_0",)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 3,
        lambda x: 2**33 - x,
        lambda x: x + 2**35,
        lambda x: x[:, :1] * x.clamp(0, 7),
        lambda x: x.masked_fill(x > 2**36, -(2**34)),
    ],
)
def test_int64_is_computed_in_64_bits(function: Callable[..., torch.Tensor]):
    inputs = (torch.tensor([[2**40, 7], [3, -4]]),)
    model = Flat(function)
    assert largest_difference(model(*inputs), run_litert(lowered(model, inputs).payload, inputs)) == 0


def test_a_division_in_32_bits_is_announced():
    made = lowered(Flat(lambda x: x // 3), (torch.tensor([[9, 7], [3, -4]]),))
    assert [note for note in made.notes if "divides int64 in 32 bits" in note and ".py:" in note]


@pytest.mark.parametrize(
    ("model", "dtype"),
    [
        (Flat(lambda x: (x.double() * 2).float()), "float64"),
        (Flat(lambda x: torch.fft.rfft(x).abs()), "complex64"),
    ],
)
def test_dtypes_without_kernels_are_refused_in_words(model: nn.Module, dtype: str):
    with pytest.raises(ConversionError, match=f"LiteRT has no {dtype} kernels"):
        lowered(model, (torch.randn(2, 8),))


def test_operators_that_only_the_converter_knows_are_refused():
    with pytest.raises(UnsupportedOperators, match="STABLEHLO_SCATTER"):
        lowered(
            Flat(lambda x, at, added: x.scatter_add(1, at, added)),
            (torch.randn(3, 5), torch.randint(0, 5, (3, 2)), torch.randn(3, 2)),
        )


def test_the_program_stays_as_it_was():
    inputs = (torch.randn(2, 3, 12, 10),)
    program = exported(network(), inputs)
    graph, before = str(program.graph), program.module()(*inputs)
    lower(program, signature_of(inputs, before))
    assert str(program.graph) == graph
    assert largest_difference(before, program.module()(*inputs)) == 0
