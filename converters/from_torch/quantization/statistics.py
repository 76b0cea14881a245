"""What calibration remembers of a program's tensors: histograms, channels' extremes, second moments of layers' inputs.

All of it has a size of its own, whatever the number of calls; one call is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.nn import functional

from ...quantization.observers import Histogram
from ..passes.constants import constants_of
from .layers import FORMS, Layer
from .operators import CHOOSE, INT8_MAX, INT8_MIN, SMALLEST_STEP

Tensors = tuple[torch.Tensor, ...]

_aten = torch.ops.aten
_LARGEST_INPUT = 4608  # second moments of more inputs than this (170 MB) are not kept
_CONVOLUTIONS: dict[Any, int] = {_aten.conv1d.default: 1, _aten.conv2d.default: 2}


class Statistics:
    """What was seen: histograms by tensor, and of layers' inputs x the channels' extremes and the mean of x x^T."""

    def __init__(self) -> None:
        self.histograms: dict[str, Histogram] = {}
        self.largest: dict[str, torch.Tensor] = {}
        self._moments: dict[str, torch.Tensor] = {}
        self._columns: dict[str, int] = {}
        self._measured: dict[str, tuple[float, int]] = {}

    def noise_of_measuring(self, layer: str) -> float:
        """What is lost of a layer's input where every call's tensor has the scale of its own range.

        Noise to signal, the mean of all rows: a number that stands out in one of them costs the others.
        """
        noise, rows = self._measured[layer]
        return noise / rows if rows else 0.0

    def add_rows(self, layer: str, rows: torch.Tensor) -> None:
        """An input (rows, numbers), beside what is left of it in 256 steps over its range."""
        noise, count = self._measured.get(layer, (0.0, 0))
        signal = rows.square().sum(dim=1)
        lost = (rows - rounded_as_measured(rows)).square().sum(dim=1)
        kept = signal > 0
        self._measured[layer] = (noise + float((lost[kept] / signal[kept]).sum()), count + int(kept.sum()))

    def moments(self, layer: str) -> torch.Tensor | None:
        """Second moments (groups, inputs, inputs) of a layer; None where they were not kept."""
        kept = self._moments.get(layer)
        return None if kept is None else kept / self._columns[layer]

    def add_columns(self, layer: str, columns: torch.Tensor) -> None:
        """Inputs (groups, inputs, positions) that a layer's weights have met."""
        found = torch.matmul(columns, columns.transpose(1, 2))
        self._moments[layer] = self._moments[layer].add_(found) if layer in self._moments else found
        self._columns[layer] = self._columns.get(layer, 0) + columns.shape[2]

    def add_channels(self, layer: str, largest: torch.Tensor) -> None:
        """The largest magnitude of every channel of a layer's input in one call."""
        known = self.largest.get(layer)
        self.largest[layer] = largest if known is None else torch.maximum(known, largest)


def gather(
    program: ExportedProgram,
    calls: Iterable[Tensors],
    *,
    tensors: Iterable[str],
    layers: Iterable[Layer],
    measured: Collection[str] = (),
) -> Statistics:
    """Run the calls and remember the named tensors, and the layers' inputs: of those `measured`, what that costs."""
    watching = _Watching(program, tensors, layers, measured)
    with torch.no_grad():
        for call in calls:
            watching.run(*arguments_of_graph(program, call))
    return watching.found


def arguments_of_graph(program: ExportedProgram, call: Tensors) -> Iterator[Any]:
    """The graph's own arguments: what the program carries, then the call."""
    given = iter(call)
    constants = constants_of(program)
    for node in program.graph.find_nodes(op="placeholder"):
        yield constants[node.name] if node.name in constants else next(given)


class _Watching(fx.Interpreter):
    def __init__(
        self, program: ExportedProgram, tensors: Iterable[str], layers: Iterable[Layer], measured: Collection[str]
    ) -> None:
        super().__init__(program.graph_module)
        self.found = Statistics()
        self.found.histograms = {name: Histogram() for name in tensors}
        self._readers: dict[str, list[Layer]] = {}
        self._measured = measured
        for layer in layers:
            if layer.activation is not None:
                self._readers.setdefault(layer.activation.name, []).append(layer)

    def run_node(self, n: fx.Node) -> Any:
        """The node's value, remembered if it is watched."""
        value = super().run_node(n)
        if n.name in self.found.histograms and isinstance(value, torch.Tensor):
            self.found.histograms[n.name].add(value.detach().numpy())
        for layer in self._readers.get(n.name, []):
            self._read(layer, value)
        return value

    def _read(self, layer: Layer, value: torch.Tensor) -> None:
        channels = value.movedim(channel_axis(layer), 0)
        if layer.name in self._measured:
            is_image = "conv" in layer.operator
            self.found.add_rows(layer.name, value.flatten(1) if is_image else value.reshape(-1, value.shape[-1]))
        self.found.add_channels(layer.name, channels.reshape(channels.shape[0], -1).abs().amax(dim=1))
        columns = columns_of(layer, value)
        if columns is not None:
            self.found.add_columns(layer.name, columns)


def rounded_as_measured(value: torch.Tensor) -> torch.Tensor:
    """A tensor through integers whose scale is that of its own range, which holds zero."""
    scale, zero_point = CHOOSE(value, INT8_MIN, INT8_MAX, SMALLEST_STEP, torch.int8)
    return torch.fake_quantize_per_tensor_affine(value, scale, zero_point.to(torch.int32), INT8_MIN, INT8_MAX)


def value_name(layer: Layer) -> str:
    """The tensor that a layer reads."""
    return "" if layer.activation is None else layer.activation.name


def channel_axis(layer: Layer) -> int:
    """Which axis of a layer's input its weights sum over, from the end: an image may come without a batch."""
    return 1 - layer.values.dim() if "conv" in layer.operator else -1


def columns_of(layer: Layer, value: torch.Tensor) -> torch.Tensor | None:
    """A layer's input as what each output's weights meet: (groups, inputs, positions); None if it is not kept so."""
    target = layer.node.target
    inputs = layer.values.numel() // layer.values.shape[layer.axis]
    if inputs > _LARGEST_INPUT:
        return None
    if target in _CONVOLUTIONS:
        return _patches(layer, value)
    if "conv" in layer.operator or FORMS[target].activation is None:
        return None
    return value.reshape(-1, value.shape[-1]).T[None].contiguous()


def _patches(layer: Layer, value: torch.Tensor) -> torch.Tensor:
    dimensions = _CONVOLUTIONS[layer.node.target]
    arguments: list[Any] = [*layer.node.args[3:], *(None,) * 4]
    stride, padding, dilation = (
        _pair(given, default, dimensions) for given, default in zip(arguments, (1, 0, 1), strict=False)
    )
    value = value if value.dim() == layer.values.dim() else value.unsqueeze(0)
    image = value if dimensions == 2 else value.unsqueeze(2)
    kernel = tuple(layer.values.shape[2:]) if dimensions == 2 else (1, layer.values.shape[2])
    patches = functional.unfold(image, kernel, dilation=dilation, padding=padding, stride=stride)
    batch, inputs, positions = patches.shape
    groups = layer.groups
    return patches.permute(1, 0, 2).reshape(groups, inputs // groups, batch * positions)


def _pair(given: Any, default: int, dimensions: int) -> tuple[int, int]:
    """A convolution's stride, padding or dilation in two dimensions; one alone is along the last axis."""
    values = [default] if given is None else list(given)
    values = values * dimensions if len(values) < dimensions else values
    neutral = 0 if default == 0 else 1
    return (values[0], values[1]) if dimensions == 2 else (neutral, values[0])
