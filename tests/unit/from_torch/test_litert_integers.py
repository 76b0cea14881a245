"""Quantised programs become LiteRT files that compute in the program's integers, with its scales and weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from torch import nn
from torch.export import ExportedProgram
from torch.nn import functional
from torch.nn.modules.conv import _ConvNd
from torch_lowering import Flat, exported, largest_difference, run_litert, signature_of

from edgeproof.converters.errors import QuantizationError
from edgeproof.converters.from_torch.litert import lower
from edgeproof.converters.from_torch.litert_file import read_model
from edgeproof.converters.from_torch.litert_integers.lower import halved, lower_quantized
from edgeproof.converters.from_torch.lowering import Lowering
from edgeproof.converters.from_torch.quantization.making import Calls, Wish, make
from edgeproof.converters.from_torch.quantization.prepare import prepared
from edgeproof.converters.from_torch.quantization.quantization import Quantization
from edgeproof.converters.from_torch.recurrent_shapes import whole_recurrent_layers
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.execution import Kernel
from edgeproof.converters.quantization.recipe import Compute
from edgeproof.converters.signature import Dim

pytestmark = pytest.mark.torch
Tensors = tuple[torch.Tensor, ...]
SAME = 1e-5  # float32 rounds to 6e-8, and sums differ in their order
_BUILTINS = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}


class Made:
    """A model's quantisation in one precision, the program of it, and the file."""

    def __init__(self, model: nn.Module, calls: list[Tensors], precision: Precision, dynamic: Any = None) -> None:
        model.requires_grad_(requires_grad=False)
        self.inputs = calls[0]
        with whole_recurrent_layers():
            self.source = exported(model, self.inputs, dynamic)
        outputs = self.source.module()(*self.inputs)
        dims = () if dynamic is None else (Dim(name="n", min=2, max=8),)
        self.signature = signature_of(self.inputs, outputs, dims)
        names = [spec.name for spec in self.signature.outputs]
        given = Calls(read=lambda: iter(calls), count=len(calls), sha256="")
        with torch.no_grad():
            wish = Wish(precision=precision, source="net", outputs=names)
            self.quantization: Quantization = make(prepared(self.source), given, wish)
            self.program: ExportedProgram = self.quantization.quantized(self.source)
        self.again: Callable[[], Lowering] = lambda: lower_quantized(self.program, precision, self.floating)
        self.lowering = self.again()

    def floating(self, program: ExportedProgram) -> Lowering:
        return lower(program, self.signature)

    @property
    def file(self) -> File:
        return File(self.lowering.payload)

    def simulated(self) -> list[torch.Tensor]:
        return list(self.program.module(check_guards=False)(*self.inputs))

    def run(self) -> list[torch.Tensor]:
        return run_litert(self.lowering.payload, self.inputs)


class File:
    """The operators and tensors of a file."""

    def __init__(self, payload: bytes) -> None:
        self.model = read_model(payload)
        self.graph = self.model.subgraphs[0]

    @property
    def names(self) -> list[str]:
        return [_BUILTINS[self.model.operatorCodes[each.opcodeIndex].builtinCode] for each in self.graph.operators]

    def scales(self) -> set[tuple[float, int]]:
        """Scale and zero point of every int8 activation."""
        found = set()
        for tensor in self.graph.tensors:
            own = tensor.quantization
            if tensor.type == schema.TensorType.INT8 and self.values(tensor) is None and own is not None:
                found.add((float(own.scale[0]), int(own.zeroPoint[0])))
        return found

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Integers and scales of every int8 constant, loops' bodies included."""
        return [
            (values.view(np.int8).reshape(tensor.shape), np.array(tensor.quantization.scale))
            for graph in self.model.subgraphs
            for tensor in graph.tensors
            if tensor.type == schema.TensorType.INT8 and (values := self.values(tensor)) is not None
        ]

    def values(self, tensor: Any) -> np.ndarray | None:
        data = self.model.buffers[tensor.buffer].data
        return None if data is None or len(data) == 0 else np.asarray(data)


def seeded(*shapes: tuple[int, ...], count: int = 3) -> list[Tensors]:
    generator = torch.Generator().manual_seed(3)
    return [tuple(torch.randn(shape, generator=generator) for shape in shapes) for _ in range(count)]


def residual() -> nn.Module:
    """Convolutions, one depthwise, with a batch norm, ReLU6, a sum, a pool over the image, and matrices."""
    torch.manual_seed(5)

    def call(first: nn.Module, deep: nn.Module, last: nn.Module, head: nn.Module, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(functional.relu6(first(x)), 2)
        x = x + last(functional.relu(deep(x)))
        pooled: torch.Tensor = head(functional.adaptive_avg_pool2d(x, 1).flatten(1))
        return pooled

    first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
    deep, last = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Conv2d(8, 8, 1)
    return Flat(call, first, deep, last, nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 5))).eval()


@pytest.fixture(scope="module")
def static() -> Made:
    return Made(residual(), seeded((1, 3, 12, 12)), Precision.INT8)


def test_layers_between_integers_run_in_integers(static: Made):
    assert static.lowering.execution is not None
    assert {each.kernel for each in static.lowering.execution.operators} == {Kernel.INTEGER}
    assert static.lowering.execution.integer_macs == static.quantization.recipe.macs(Compute.INT8, Compute.INT8_DYNAMIC)
    names = static.file.names
    assert names.count("QUANTIZE") == 1
    assert names.count("DEQUANTIZE") == 1, "before the last matrix, whose input is measured"
    assert {"ADD", "MAX_POOL_2D", "MEAN"} <= set(names)


def test_scales_and_zero_points_are_the_recipes(static: Made):
    recipe = {(tensor.scale, tensor.zero_point) for tensor in static.quantization.recipe.tensors}
    assert static.file.scales() == recipe


def test_weights_are_the_recipes_integers(static: Made):
    made = static.quantization.weights_of(static.quantization.floating(static.source))
    expected = sorted((sorted(one.integers.reshape(-1).tolist()), sorted(one.scales.tolist())) for one in made.values())
    found = sorted(
        (sorted(values.reshape(-1).tolist()), sorted(scales.tolist())) for values, scales in static.file.weights()
    )
    assert found == expected


def test_it_computes_what_the_simulation_computes(static: Made):
    with torch.no_grad():
        expected, found = static.simulated()[0], static.run()[0]
    assert float((expected - found).abs().max() / expected.abs().max()) < 0.02


def test_xnnpack_takes_all_of_it(static: Made):
    interpreter: Any = Interpreter(model_content=static.lowering.payload)
    interpreter.allocate_tensors()
    assert [each["op_name"] for each in interpreter._get_ops_details()].count("DELEGATE") == 1


def test_the_same_bytes_come_again(static: Made):
    assert static.again().payload == static.lowering.payload


def test_measured_layers_keep_float_inputs():
    torch.manual_seed(6)
    layers = nn.Sequential(nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 5))
    made = Made(Flat(lambda body, x: body(x), layers), seeded((4, 16)), Precision.INT8_DYNAMIC)
    assert made.lowering.execution is not None
    assert {each.kernel for each in made.lowering.execution.operators} == {Kernel.INTEGER}
    assert made.file.names == ["FULLY_CONNECTED", "FULLY_CONNECTED"]
    assert largest_difference(made.simulated(), made.run()) < 0.03


def test_stored_weights_are_computed_in_float():
    made = Made(residual(), seeded((1, 3, 12, 12)), Precision.INT8_WEIGHTS)
    assert made.lowering.execution is not None
    assert {each.reason for each in made.lowering.execution.operators} == {
        "its weights are stored as integers, and computed in float"
    }
    assert largest_difference(made.simulated(), made.run()) < SAME


def test_weights_in_halves_make_a_file_of_half_the_size():
    model, inputs = Flat(lambda layer, x: layer(x), nn.Linear(300, 200)), (torch.randn(2, 300),)
    program = exported(model, inputs)
    whole = lower(program, signature_of(inputs, program.module()(*inputs))).payload
    payload = halved(whole)
    assert len(payload) < 0.55 * len(whole)
    assert largest_difference(model(*inputs), run_litert(payload, inputs)) < 2e-3


def test_integer_files_take_and_give_integers():
    torch.manual_seed(1)
    layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4), nn.Softmax(-1))
    made = Made(Flat(lambda body, x: body(x), layers), seeded((1, 1, 6, 6)), Precision.INT8_FULL)
    runner: Any = Interpreter(model_content=made.lowering.payload).get_signature_runner()
    given, result = runner.get_input_details()["in_0"], runner.get_output_details()["out_0"]
    assert given["dtype"] is result["dtype"] is np.int8
    step, zero_point = given["quantization"]
    assert (step, zero_point) == (
        made.quantization.recipe.tensors[0].scale,
        made.quantization.recipe.tensors[0].zero_point,
    )
    rounded = np.clip(np.round(made.inputs[0].numpy() / step) + zero_point, -128, 127).astype(np.int8)
    output = runner(in_0=rounded)["out_0"]
    assert np.abs((output + 128.0) / 256 - made.simulated()[0].numpy()).max() < 2 / 256


def test_integer_files_without_a_kernel_are_refused_with_the_operators_names():
    model = Flat(lambda layer, x: functional.gelu(layer(x)), nn.Linear(8, 8))
    with pytest.raises(QuantizationError, match=r"int8-full has no place for operators in float.*GELU"):
        Made(model, seeded((2, 8)), Precision.INT8_FULL)


def test_activations_in_16_bits_lose_less():
    wide = Made(residual(), seeded((1, 3, 12, 12)), Precision.INT16X8)
    assert wide.lowering.execution is not None
    assert wide.lowering.execution.integer_macs == wide.lowering.execution.macs
    assert largest_difference(wide.simulated(), wide.run()) < 2e-4


def test_embeddings_are_looked_up_in_integers():
    ids = [(torch.randint(0, 50, (2, 7), generator=torch.Generator().manual_seed(seed)),) for seed in range(3)]
    model = Flat(lambda table, head, x: head(table(x).mean(1)), nn.Embedding(50, 64), nn.Linear(64, 4))
    made = Made(model, ids, Precision.INT8_DYNAMIC)
    assert sorted(values.size for values, _ in made.file.weights()) == [4 * 64, 50 * 64]
    assert largest_difference(made.simulated(), made.run()) < 0.02


def test_sizes_stay_open():
    dynamic = ({0: torch.export.Dim("n", min=2, max=8)},)
    calls = seeded((3, 3, 12, 12))
    made = Made(residual(), calls, Precision.INT8, (dynamic,))
    assert made.lowering.execution is not None
    assert made.lowering.execution.macs == sum(layer.macs for layer in made.quantization.recipe.layers)
    more = torch.cat([calls[0][0], calls[1][0]])
    expected = made.program.module(check_guards=False)(more)
    assert largest_difference(expected, run_litert(made.lowering.payload, (more,))) < 0.02


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_loops_have_int8_matrices_and_run(kind: Callable[..., nn.RNNBase]):
    torch.manual_seed(2)
    layer = kind(8, 48, num_layers=2, batch_first=True)
    model = Flat(lambda rnn, head, x: head(rnn(x)[0][:, -1]), layer, nn.Linear(48, 3))
    made = Made(model, seeded((2, 9, 8)), Precision.INT8)
    matrices = [weights.numel() for weights in layer.parameters() if weights.dim() > 1]
    assert sorted(values.size for values, _ in made.file.weights()) == sorted([*matrices, 3 * 48])
    assert largest_difference(made.simulated(), made.run()) < 0.02


@pytest.mark.parametrize("precision", [Precision.INT8_DYNAMIC, Precision.INT8_WEIGHTS])
def test_factors_beside_a_layer_stay_out_of_its_weights(precision: Precision):
    torch.manual_seed(4)
    norm, layer = nn.LayerNorm(16), nn.Linear(16, 12)
    norm.weight.data.uniform_(0.5, 2)
    made = Made(Flat(lambda norm, layer, x: layer(norm(x)) * 0.3, norm, layer), seeded((4, 16)), precision)
    assert [values.size for values, _ in made.file.weights()] == [16 * 12]
    assert "QUANTIZE" not in made.file.names
    assert largest_difference(made.simulated(), made.run()) < 0.03


def _padded(first: nn.Module, last: nn.Module, x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = last(functional.pad(torch.cat([first(x), first(-x)], 1), (1, 2, 0, 1))[:, :, 1:, ::2])
    return result


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.INT16X8])
@pytest.mark.parametrize(
    ("function", "parts", "shape"),
    [
        (lambda a, b, x: b(a(x).relu()), (nn.ConvTranspose1d(3, 8, 4, 2, 1), nn.Conv1d(8, 4, 3)), (1, 3, 9)),
        (lambda a, b, x: b(a(x).relu()), (nn.Conv2d(4, 8, 3, groups=2), nn.ConvTranspose2d(8, 3, 3, 2)), (1, 4, 8, 8)),
        (lambda a, b, x: b(a(x).clamp(0, 0.3)), (nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)), (1, 3, 8, 8)),
        (lambda a, b, x: b(functional.hardtanh(a(x), 0, 1)), (nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)), (1, 3, 8, 8)),
        (_padded, (nn.Conv2d(3, 4, 3), nn.Conv2d(8, 4, 3)), (1, 3, 12, 12)),
    ],
    ids=["transposed", "grouped", "clipped", "clipped at one", "padded, joined and sliced"],
)
def test_what_stands_between_layers_is_computed_in_integers_too(
    function: Callable[..., Any], parts: tuple[nn.Module, ...], shape: tuple[int, ...], precision: Precision
):
    torch.manual_seed(4)
    for part in parts:
        assert isinstance(part, _ConvNd)
        part.reset_parameters()
    made = Made(Flat(function, *parts), seeded(shape), precision)
    assert made.lowering.execution is not None
    assert {each.kernel for each in made.lowering.execution.operators} == {Kernel.INTEGER}
    assert made.file.names.count("DEQUANTIZE") == 1
    assert largest_difference(made.simulated(), made.run()) < (0.03 if precision is Precision.INT8 else 5e-4)
