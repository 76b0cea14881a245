"""LiteRT files with open sizes compute what the model computes at every size, or are refused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from recurrent_models import FEATURES, exported_whole, flat, layer
from torch import nn
from torch.export import Dim
from torch.nn import functional
from torch_lowering import Flat, Tensors, exported, largest_difference, run_litert, signature_of

from edgeproof.converters.errors import ConversionError
from edgeproof.converters.from_torch.litert import lower

pytestmark = pytest.mark.torch
CLOSE = 1e-6
LONGEST = 40

BATCH = {0: Dim("batch", min=1, max=8)}
BOTH = {0: Dim("batch", min=1, max=8), 1: Dim("time", min=1, max=LONGEST)}
WIDTH = {0: Dim("batch", min=1, max=8), 2: Dim("width", min=4, max=LONGEST)}

Make = Callable[[int, int], Tensors]


def network() -> nn.Module:
    layers = (nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1))
    return Flat(lambda body, x: body(x), nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 5)))


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, dropout=0.0)
    return Flat(lambda body, x, padding: body(x, src_key_padding_mask=padding), layer)


def positions() -> nn.Module:
    def call(tokens: nn.Embedding, places: nn.Embedding, x: torch.Tensor) -> torch.Tensor:
        return tokens(x) + places(torch.arange(x.shape[1]))

    return Flat(call, nn.Embedding(50, 6), nn.Embedding(LONGEST, 6))


def causal_attention() -> nn.Module:
    def call(attention: nn.MultiheadAttention, x: torch.Tensor) -> torch.Tensor:
        mask = torch.triu(torch.full((x.shape[1], x.shape[1]), float("-inf")), 1)
        return attention(x, x, x, attn_mask=mask, need_weights=False)[0]

    return Flat(call, nn.MultiheadAttention(16, 2, batch_first=True))


def floats(*sizes: int) -> Make:
    return lambda batch, _: (torch.randn(batch, *sizes),)


def sequences(*sizes: int) -> Make:
    return lambda batch, time: (torch.randn(batch, time, *sizes),)


def images(channels: int, height: int) -> Make:
    return lambda batch, width: (torch.randn(batch, channels, max(width, 4), height),)


def tokens(batch: int, time: int) -> Tensors:
    return (torch.randint(0, 50, (batch, time)),)


def padded(batch: int, time: int) -> Tensors:
    padding = torch.zeros(batch, time, dtype=torch.bool)
    padding[:, max(1, time - 2) :] = True
    return torch.randn(batch, time, 16), padding


# The model, its inputs for a batch and a length, and which of their sizes are open.
MODELS: dict[str, tuple[Callable[[], nn.Module], Make, tuple[dict[int, Any], ...]]] = {
    "a network of convolutions": (network, floats(3, 12, 10), (BATCH,)),
    "embeddings": (lambda: Flat(lambda e, x: e(x).mean(1), nn.Embedding(50, 6)), tokens, (BOTH,)),
    "positions that are looked up": (positions, tokens, (BOTH,)),
    "an encoder with a padding mask": (encoder, lambda batch, _: padded(batch, 9), (BATCH, BATCH)),
    "an encoder over any time": (encoder, padded, (BOTH, BOTH)),
    "a causal mask": (causal_attention, sequences(16), (BOTH,)),
    "interpolation": (
        lambda: Flat(lambda x: functional.interpolate(x, scale_factor=2.0, mode="bilinear")),
        images(3, 5),
        (WIDTH,),
    ),
    "ones beside the input": (
        lambda: Flat(lambda x: torch.cat([x, x.new_ones(x.shape[0], 1)], 1)),
        floats(5),
        (BATCH,),
    ),
    "a weight for every row": (
        lambda: Flat(lambda w, x: torch.cat([w.weight[None].expand(x.shape[0], -1, -1), x], 1), nn.Linear(4, 2)),
        floats(3, 4),
        (BATCH,),
    ),
    "heads": (
        lambda: Flat(lambda x: x.reshape(x.shape[0], x.shape[1], 2, 8).transpose(1, 2).reshape(-1, x.shape[1], 8)),
        sequences(16),
        (BOTH,),
    ),
    "repetition": (lambda: Flat(lambda x: x.repeat(1, 2)), sequences(), (BOTH,)),
    "the last step": (lambda: Flat(lambda x: x[:, -1]), sequences(4), (BOTH,)),
    "a mean and its spread": (
        lambda: Flat(lambda x: (x / x.shape[1], x.mean(1), x.var(1, correction=0))),
        sequences(4),
        (BOTH,),
    ),
    "values at given places": (
        lambda: Flat(lambda x, at: x.gather(1, at)),
        lambda batch, _: (torch.randn(batch, 9), torch.randint(0, 9, (batch, 3))),
        (BATCH, BATCH),
    ),
    "odd padding under strides": (
        lambda: Flat(lambda c, x: c(x).mean((2, 3)), nn.Conv2d(4, 6, 3, stride=2, padding=1)),
        images(4, 6),
        (WIDTH,),
    ),
    "even padding under strides": (
        lambda: Flat(lambda c, x: c(x).mean((2, 3)), nn.Conv2d(4, 6, 4, stride=2, padding=1)),
        images(4, 6),
        (WIDTH,),
    ),
    "a transposed convolution": (
        lambda: Flat(lambda c, x: c(x), nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1)),
        images(4, 6),
        (WIDTH,),
    ),
    "recurrent layers over any batch": (
        lambda: flat(layer("lstm", batch_first=True, bidirectional=True)),
        floats(7, FEATURES),
        (BATCH,),
    ),
    "recurrent layers in pieces": (lambda: flat(layer("gru", batch_first=True)), floats(100, FEATURES), (BATCH,)),
    "recurrent layers over any time": (
        lambda: flat(layer("gru", batch_first=True)),
        sequences(FEATURES),
        (BOTH,),
    ),
}


def opened(module: nn.Module, example: Tensors, dims: tuple[dict[int, Any], ...]) -> bytes:
    with torch.no_grad():
        signature = signature_of(example, module.eval()(*example))
    return lower(exported_whole(module, example, (dims,)), signature).payload


def model_of(payload: bytes) -> Any:
    return schema.ModelT.InitFromPackedBuf(payload, 0)


@pytest.mark.parametrize("name", MODELS)
def test_the_file_computes_what_the_model_computes_at_every_size(name: str):
    make, inputs_of, dims = MODELS[name]
    torch.manual_seed(0)
    module = make()
    payload = opened(module, inputs_of(2, 6), dims)
    for batch, time in ((1, 1), (3, 7), (3, 8), (8, LONGEST), (1, LONGEST), (8, 1)):
        inputs = inputs_of(batch, time)
        with torch.no_grad():
            expected = module(*inputs)
        assert largest_difference(expected, run_litert(payload, inputs)) < CLOSE, (batch, time)


def test_one_interpreter_is_resized_up_and_down():
    module = encoder()
    runner = Interpreter(model_content=opened(module, padded(2, 6), (BOTH, BOTH))).get_signature_runner()
    for batch, time in ((8, 3), (1, LONGEST), (8, 3)):
        x, padding = padded(batch, time)
        with torch.no_grad():
            expected = module(x, padding)[0]
        assert np.abs(runner(in_0=x.numpy(), in_1=padding.numpy())["out_0"] - expected.numpy()).max() < 2e-6


def test_open_sizes_are_declared_and_start_with_the_smallest():
    payload = opened(network(), floats(3, 12, 10)(2, 0), ({0: Dim("batch", min=2, max=8)},))
    details = Interpreter(model_content=payload).get_input_details()[0]
    assert details["shape_signature"].tolist() == [-1, 3, 12, 10]
    assert details["shape"].tolist() == [2, 3, 12, 10]
    graph = model_of(payload).subgraphs[0]
    assert graph.tensors[graph.outputs[0]].shapeSignature.tolist() == [-1, 5]


def test_weights_are_stored_once_and_where_numbers_may_be_read():
    module = network()
    static = lower(
        exported(module, floats(3, 12, 10)(2, 0)), signature_of(floats(3, 12, 10)(2, 0), [torch.zeros(2, 5)])
    )
    payload = opened(module, floats(3, 12, 10)(2, 0), (BATCH,))
    assert len(payload) < 1.5 * len(static.payload)
    view = schema.Model.GetRootAs(payload, 0)
    buffers = [view.Buffers(index) for index in range(view.BuffersLength())]
    starts = [buffer.DataAsNumpy() for buffer in buffers if buffer.DataLength()]
    first = np.frombuffer(payload, np.uint8).ctypes.data
    assert all((data.ctypes.data - first) % 16 == 0 for data in starts)


def test_what_the_smallest_constants_do_not_hold_comes_from_the_largest():
    payload = opened(positions(), tokens(2, 6), (BOTH,))
    assert max(len(buffer.data) for buffer in model_of(payload).buffers if buffer.data is not None) >= LONGEST * 4


@pytest.mark.parametrize(
    ("module", "operator"),
    [
        (Flat(lambda x: x * torch.arange(1, x.shape[1] + 1).flip(0)), "MUL"),
        (Flat(lambda x: functional.pad(x, (0, -x.shape[1] % 4))), "PAD"),
    ],
)
def test_constants_that_depend_on_a_size_are_refused_in_words(module: nn.Module, operator: str):
    with pytest.raises(ConversionError, match=f"cannot keep these sizes open: {operator}.*depends on them") as raised:
        opened(module, (torch.randn(2, 6),), (BOTH,))
    assert "leave litert out of --to" in raised.value.fix
