"""What is known to go wrong is found in a program and in what was made of it; what our passes mend is not reported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch_lowering import Flat, exported, signature_of, upstream_executorch, upstream_litert

from edgeproof.converters.artifact import Format
from edgeproof.converters.errors import NotRepeatable
from edgeproof.converters.from_torch import executorch, litert, onnx
from edgeproof.converters.from_torch.describe import describe
from edgeproof.converters.from_torch.hazards import hazard_notes, hazards_before
from edgeproof.converters.from_torch.program import TorchProgram
from edgeproof.converters.from_torch.variants import variants_of
from edgeproof.converters.hazards import HazardCode
from edgeproof.converters.inspection.hazards import hazards_in
from edgeproof.converters.job import ConvertJob, DescribeJob
from edgeproof.converters.precision import Precision
from edgeproof.converters.source import Framework, Source, SourceKind

pytestmark = pytest.mark.torch
X = torch.rand(2, 3, 8, 6)
IDS = torch.tensor([[7, 123456, 3]])
Model = Callable[..., Any]
_LOWER: dict[str, Callable[[TorchProgram], bytes]] = {
    Format.ONNX: lambda program: onnx.lower(program).payload,
    Format.LITERT: lambda program: litert.lower_program(program).payload,
    Format.EXECUTORCH: lambda program: executorch.lower(program.exported, program.signature).payload,
}


def program_of(model: nn.Module, *inputs: torch.Tensor) -> TorchProgram:
    return TorchProgram(model.eval(), inputs, signature_of(inputs, model(*inputs)))


def codes_before(function: Model, *parts: nn.Module, x: torch.Tensor = X) -> list[HazardCode]:
    return [hazard.code for hazard in hazards_before(exported(Flat(function, *parts), (x,)))]


def notes(model: nn.Module, format_name: str, x: torch.Tensor = X, precision: Precision = Precision.FP32) -> list[str]:
    program = program_of(model, x)
    source = Source(kind=SourceKind.FACTORY, framework=Framework.TORCH, name="net")
    job = ConvertJob(
        source=source,
        signature=program.signature,
        examples="",
        format=format_name,
        output="",
        precision=precision,
    )
    exported_once = program.exported
    assert exported_once is program.source_program
    return list(hazard_notes(job, program, _LOWER[format_name](program)))


class OwnMind(nn.Module):
    """A batch norm that goes back to training whatever it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm.train()(x)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: functional.dropout(x, 0.5, training=True),
        lambda x: functional.dropout2d(x, 0.5, training=True),
        lambda x: functional.rrelu(x, training=True),
        lambda x: functional.scaled_dot_product_attention(x, x, x, dropout_p=0.1),
        lambda x: functional.batch_norm(x, None, None, training=True),
    ],
)
def test_what_stays_in_training_mode_is_a_hazard(function: Model):
    assert codes_before(function) == [HazardCode.TRAINING_MODE]


@pytest.mark.parametrize("norm", [OwnMind(), nn.BatchNorm2d(3, track_running_stats=False)])
def test_a_norm_that_takes_the_batchs_own_statistics_is_a_hazard_with_its_place(norm: nn.Module):
    (hazard,) = hazards_before(exported(Flat(lambda norm, x: norm(x), norm), (X,)))
    assert hazard.code is HazardCode.TRAINING_MODE
    assert hazard.places[0].startswith("parts.0")
    assert ".py:" in hazard.places[0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: functional.dropout(x, 0.5, training=False),
        lambda x: functional.dropout(x, 0.0, training=True),
        functional.rrelu,
        functional.instance_norm,
        lambda x: functional.scaled_dot_product_attention(x, x, x),
    ],
)
def test_what_only_looks_like_training_is_none(function: Model):
    assert codes_before(function) == []


def test_layers_in_evaluation_mode_are_none():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)).eval()
    assert codes_before(lambda model, x: model(x), model) == []
    lstm = program_of(Flat(lambda lstm, x: lstm(x)[0], nn.LSTM(6, 6, 2, dropout=0.5)), torch.rand(3, 2, 6))
    assert list(hazards_before(lstm.exported)) == []


def test_random_numbers_are_a_hazard_and_stored_ones_are_none():
    assert codes_before(lambda x: x + torch.rand_like(x)) == [HazardCode.RANDOM_OPERATOR]
    noise = torch.rand(6)
    assert codes_before(lambda x: x + noise) == []


def test_a_float64_constant_that_widens_a_float32_model_is_a_hazard():
    wide = torch.ones(6, dtype=torch.float64)
    assert codes_before(lambda x: (x * wide).float()) == [HazardCode.FLOAT64]
    assert codes_before(lambda x: (x * torch.arange(6, dtype=torch.float64)).float()) == [HazardCode.FLOAT64]


def test_a_float64_constant_that_is_rounded_or_meant_is_none():
    wide = torch.ones(6, dtype=torch.float64)
    assert codes_before(lambda x: x * wide.float()) == []
    assert codes_before(lambda x: x * wide.sum()) == []
    assert codes_before(lambda x: x * wide, x=X.double()) == []


def before_activation() -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3))


def test_a_batch_norm_that_stands_alone_is_a_hazard_and_a_folded_one_is_none():
    model = Flat(lambda model, x: model(x), before_activation())
    (note,) = notes(model, Format.ONNX)
    assert note.startswith("hazard standalone-batch-norm:")
    assert "parts.0.0" in note
    folded = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    assert notes(Flat(lambda model, x: model(x), folded), Format.ONNX) == []


@pytest.mark.parametrize("format_name", [Format.LITERT, Format.EXECUTORCH])
def test_a_factor_that_a_format_replaces_by_sizes_is_a_hazard(format_name: str):
    model = Flat(lambda x: functional.interpolate(x, scale_factor=1.7, mode="bilinear"))
    (note,) = notes(model, format_name)
    assert note.startswith("hazard resize-mode: the artifact resizes by the sizes (13/8, 10/6), and the source by")
    assert ".py:" in note


@pytest.mark.parametrize("format_name", list(_LOWER))
@pytest.mark.parametrize(
    "function",
    [
        lambda x: functional.interpolate(x, scale_factor=2.0, mode="bilinear"),
        lambda x: functional.interpolate(x, size=(13, 11), mode="bilinear", align_corners=True),
        lambda x: functional.interpolate(x, size=(13, 11), mode="nearest"),
        lambda x: functional.interpolate(x, scale_factor=2.0, mode="nearest-exact"),
        lambda x: functional.gelu(functional.gelu(x), approximate="tanh"),
        lambda x: functional.gelu(x, approximate="tanh"),
    ],
)
def test_what_our_conversions_keep_is_none(function: Model, format_name: str):
    assert notes(Flat(function), format_name) == []


def test_upstreams_nearest_resize_is_a_hazard():
    program = exported(Flat(lambda x: functional.interpolate(x, size=(13, 11), mode="nearest")), (X,))
    about = signature_of((X,), program.module()(X))
    (hazard,) = hazards_in(upstream_litert(program, about), Format.LITERT, about, variants_of(program))
    assert hazard.code is HazardCode.RESIZE_MODE


def test_upstreams_tanh_gelu_is_a_hazard():
    program = exported(Flat(lambda x: functional.gelu(x, approximate="tanh")), (X,))
    about = signature_of((X,), (X,))
    (hazard,) = hazards_in(upstream_executorch(program), Format.EXECUTORCH, about, variants_of(program))
    assert hazard.code is HazardCode.GELU_VARIANT
    assert hazard.reason == "the artifact computes GELU by erf, and the source by tanh"


@pytest.mark.parametrize("format_name", list(_LOWER))
@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
        nn.Conv2d(3, 4, 4, padding="same"),
        nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 4, 3, stride=2)),
        nn.Sequential(nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(3, 4, 3, stride=2, padding=1)),
    ],
)
def test_paddings_that_formats_write_otherwise_are_none(convolution: nn.Module, format_name: str):
    assert notes(Flat(lambda model, x: model(x), convolution), format_name) == []


def test_a_padding_that_the_source_does_not_have_is_a_hazard():
    source = program_of(Flat(lambda model, x: model(x), nn.Conv2d(3, 4, 3, stride=2, padding=1)), X)
    behind = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 4, 3, stride=2))
    other = _LOWER[Format.EXECUTORCH](program_of(Flat(lambda model, x: model(x), behind), X))
    (hazard,) = hazards_in(other, Format.EXECUTORCH, source.signature, variants_of(source.exported))
    assert hazard.code is HazardCode.ASYMMETRIC_PADDING


def test_weights_in_channels_last_order_are_a_hazard_for_executorch_alone():
    model = Flat(lambda model, x: model(x), nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last))
    (note,) = notes(model, Format.EXECUTORCH)
    assert note.startswith("hazard channels-last: weights lie in channels_last order")
    assert notes(model, Format.ONNX) == []
    assert notes(Flat(lambda model, x: model(x), nn.Conv2d(3, 4, 3)), Format.EXECUTORCH) == []


def test_an_artifact_whose_tensors_are_in_channels_last_order_is_a_hazard():
    last = X.contiguous(memory_format=torch.channels_last)
    program = exported(Flat(lambda x: x.sin() + last), (last,))
    about = signature_of((X,), (X,))
    (hazard,) = hazards_in(upstream_executorch(program), Format.EXECUTORCH, about, variants_of(program))
    assert hazard.code is HazardCode.CHANNELS_LAST
    assert "input 0 stand in channels-last order" in hazard.reason
    contiguous = exported(Flat(lambda x: x.sin() + X), (X,))
    assert list(hazards_in(upstream_executorch(contiguous), Format.EXECUTORCH, about, variants_of(contiguous))) == []


def test_constants_beyond_32_bits_are_known_by_their_places():
    wide = torch.tensor(2**40)
    places = variants_of(exported(Flat(lambda x: x * wide % 1000003), (IDS,))).wide
    assert places
    assert ".py:" in places[0]
    assert variants_of(exported(Flat(lambda x: x * 2654435761), (IDS,))).wide


def test_constants_within_32_bits_and_those_of_no_input_are_none():
    assert variants_of(exported(Flat(lambda x: x[:, 1:] * 7), (IDS,))).wide == ()
    wide = torch.tensor([2**40, 2**41, 2**42])
    assert variants_of(exported(Flat(lambda x: x + wide % 7), (IDS,))).wide == ()


def test_wide_numbers_that_our_conversions_keep_are_none():
    assert notes(Flat(lambda x: x * 2654435761), Format.LITERT, IDS) == []


FACTORIES = """
import torch
from torch import nn
from torch.nn import functional

class Drops(nn.Module):
    def __init__(self, training):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)
        self.training_ = training

    def forward(self, x):
        return functional.dropout(self.body(x), 0.5, training=self.training_)

def drops():
    return Drops(True), torch.rand(1, 3, 8, 8)

def last():
    return Drops(False), torch.rand(1, 3, 8, 8).to(memory_format=torch.channels_last)

def plain():
    return Drops(False), torch.rand(1, 3, 8, 8)
"""


def described(folder: Path, name: str) -> tuple[str, ...]:
    file = folder / "net.py"
    file.write_text(FACTORIES)
    source = Source(kind=SourceKind.FACTORY, framework=Framework.TORCH, name="net", factory=f"{file}:{name}")
    return describe(DescribeJob(source=source, folder=str(folder))).notes


def test_a_source_that_is_not_repeatable_is_refused_with_the_line_that_is_random(tmp_path: Path):
    with pytest.raises(NotRepeatable, match=r"dropout stays active at inference, at net\.py:13, in forward"):
        described(tmp_path, "drops")


def test_an_example_in_channels_last_order_is_a_hazard_and_a_contiguous_one_is_none(tmp_path: Path):
    (note,) = described(tmp_path, "last")
    assert note.startswith("hazard channels-last: an example input")
    assert described(tmp_path, "plain") == ()


def test_sizes_that_an_exported_program_leaves_open_are_a_hazard_unless_they_stay_open(tmp_path: Path):
    program = exported(nn.Conv2d(3, 4, 3), (X,), dynamic=({0: torch.export.Dim("batch", min=1, max=8)},))
    torch.export.save(program, tmp_path / "net.pt2")
    source = Source(
        kind=SourceKind.EXPORTED_PROGRAM, framework=Framework.TORCH, name="net", path=str(tmp_path / "net.pt2")
    )
    (note,) = describe(DescribeJob(source=source, folder=str(tmp_path))).notes
    assert note.startswith("hazard fixed-dimension: the source leaves axes of 'input' open (0)")
