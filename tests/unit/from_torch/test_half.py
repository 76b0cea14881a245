"""Programs in float16: the same inputs and outputs, everything between in half, masks and loops included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from recurrent_models import FEATURES, exported_whole
from torch import fx, nn
from torch.export import ExportedProgram
from torch_lowering import Flat, exported, largest_difference

from edgeproof.converters.errors import ConversionError
from edgeproof.converters.from_torch.half import half_program

pytestmark = pytest.mark.torch
F = nn.functional


def halved(function: Callable[..., Any], parts: Sequence[nn.Module], *inputs: torch.Tensor) -> ExportedProgram:
    module = Flat(function, *parts).requires_grad_(requires_grad=False)
    return half_program(exported(module, inputs), None)


def floats_of(program: ExportedProgram) -> set[torch.dtype]:
    """The float types that operators give, casts at the ends left out."""
    found: set[torch.dtype] = set()
    for part in program.graph_module.modules():
        if isinstance(part, fx.GraphModule):
            for node in part.graph.nodes:
                value = node.meta.get("val")
                cast = "_to_copy" in str(node.target) or "aten.to" in str(node.target)
                if node.op == "call_function" and not cast and isinstance(value, torch.Tensor):
                    found.add(value.dtype)
    return {dtype for dtype in found if dtype.is_floating_point}


def test_inputs_and_outputs_stay_float32_and_all_between_is_half() -> None:
    x = torch.randn(2, 3, 8, 8)
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(6, 5)]
    program = halved(lambda a, b, c, x: (c(b(a(x)).relu()), x.argmax(1)), layers, x)
    before = Flat(lambda a, b, c, x: (c(b(a(x)).relu()), x.argmax(1)), *layers).eval()(x)
    after = program.module()(x)
    assert [value.dtype for value in after] == [torch.float32, torch.int64]
    assert 1e-5 < largest_difference(before[:1], after[:1]) < 1e-2
    assert floats_of(program) == {torch.float16}
    assert all(value.dtype is not torch.float32 for value in program.state_dict.values())


def test_the_program_itself_stays() -> None:
    x = torch.randn(2, 6)
    program = exported(Flat(lambda one, x: one(x), nn.Linear(6, 5)), (x,))
    text, before = str(program.graph), program.module()(x)
    half_program(program, None)
    assert str(program.graph) == text
    assert all(value.dtype is torch.float32 for value in program.state_dict.values())
    assert torch.equal(program.module()(x)[0], before[0])


MASKS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "a constant": lambda scores, keep: scores + (~keep).float() * -3.4e38,
    "the least float": lambda scores, keep: scores.masked_fill(~keep, torch.finfo(torch.float32).min),
    "minus infinity": lambda scores, keep: scores.masked_fill(~keep, float("-inf")),
    "where": lambda scores, keep: torch.where(keep, scores, torch.full((), -3.4028234663852886e38)),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks_beyond_half_still_hide(name: str) -> None:
    scores = torch.randn(2, 4, 4)
    keep = torch.tensor([[True, True, False, True]]).expand(2, 4, 4).contiguous()
    program = halved(lambda s, k: F.softmax(MASKS[name](s, k), -1), [], scores, keep)
    (after,) = program.module()(scores, keep)
    expected = F.softmax(MASKS[name](scores, keep), -1)
    assert after.isfinite().all()
    assert (after[..., 2] == 0).all()
    assert torch.allclose(after, expected, atol=2e-3)


class Constants(nn.Module):
    """A mask that is kept as a buffer."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.register_buffer("mask", torch.tensor([0.0, value, 0.0]))


@pytest.mark.parametrize("value", [-3.4e38, float("-inf"), -1e9])
def test_stored_masks_are_narrowed_and_infinity_kept(value: float) -> None:
    x = torch.randn(2, 3)
    program = halved(lambda own, x: F.softmax(x + own.mask, -1), [Constants(value)], x)
    (mask,) = [tensor for tensor in program.state_dict.values() if tensor.shape == (3,)]
    assert float(mask[1]) == (value if value == float("-inf") else -65504)
    (after,) = program.module()(x)
    assert (after[:, 1] == 0).all()
    assert torch.allclose(after.sum(1), torch.ones(2), atol=2e-3)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_are_loops_in_half(kind: type[nn.RNNBase]) -> None:
    recurrent = kind(FEATURES, 6, batch_first=True)  # type: ignore[call-arg]
    x = torch.randn(2, 9, FEATURES)
    module = Flat(lambda own, x: own(x)[0], recurrent)
    program = half_program(exported_whole(module, (x,)), None)
    assert any("scan" in str(node.target) for node in program.graph.nodes)
    assert floats_of(program) == {torch.float16}
    assert largest_difference(module(x), program.module()(x)) < 5e-3


def test_integers_stay_integers() -> None:
    ids = torch.tensor([[1, 2, 9]])
    table = nn.Embedding(10, 4)
    program = halved(lambda one, ids: (one(ids).sum(1), ids * 2), [table], ids)
    vectors, doubled = program.module()(ids)
    assert vectors.dtype is torch.float32
    assert torch.allclose(vectors, table(ids).sum(1), atol=5e-3)
    assert torch.equal(doubled, ids * 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + torch.arange(4, dtype=torch.float32),
        lambda x: x * torch.ones(4, dtype=torch.float32),
        lambda x: (x > 0).to(torch.float32) + x,
        lambda x: (x > 0).float().sum(-1, dtype=torch.float32) + x[:, 0],
        lambda x: F.softmax(x, -1, dtype=torch.float32) + x,
        lambda x: torch.full_like(x, 0.5, dtype=torch.float32) + x,
    ],
    ids=["arange", "ones", "to", "sum", "softmax", "full_like"],
)
def test_types_in_arguments_are_half_too(function: Callable[[torch.Tensor], torch.Tensor]) -> None:
    x = torch.randn(2, 4)
    program = halved(function, [], x)
    assert floats_of(program) == {torch.float16}
    assert torch.allclose(program.module()(x)[0], function(x), atol=1e-2)


def test_an_open_size_stays_open() -> None:
    batch = torch.export.Dim("batch", min=1, max=16)
    shapes = (({0: batch},),)
    program = exported(Flat(lambda one, x: one(x), nn.Linear(6, 5)), (torch.randn(2, 6),), shapes)
    (after,) = half_program(program, shapes).module()(torch.randn(11, 6))
    assert after.shape == (11, 5)


def test_what_has_no_half_is_refused_in_words() -> None:
    with pytest.raises(ConversionError, match="cannot compute in float16") as caught:
        halved(lambda x: torch.fft.rfft(x).abs(), [], torch.randn(4, 8))
    assert caught.value.fix == "convert it in fp32"
