"""The recipe: which layers of a model are quantised, how, and with which scales; data to commit and to use again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..precision import Precision

SCHEMA = 1


class Compute(StrEnum):
    """In which numbers a layer computes, or (`int8-weights`) only stores its weights."""

    INT8 = "int8"
    INT8_DYNAMIC = "int8-dynamic"
    INT8_WEIGHTS = "int8-weights"
    FP32 = "fp32"


class Granularity(StrEnum):
    """How many weights share one scale."""

    PER_CHANNEL = "per-channel"
    PER_TENSOR = "per-tensor"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecipe:
    """One convolution, matrix or embedding operator of the prepared program.

    `name` is its node, `module` the path of the model's own module, `macs` its multiply-accumulates on the example
    input, `axis` the one of its weights that counts output channels. `reason` says why it computes otherwise than the
    precision asks; `sqnr_db` is what the model's worst output keeps when this layer alone is quantised (None where
    that was not measured).
    """

    name: str
    operator: str
    module: str
    macs: int
    weights: int
    axis: int
    compute: Compute
    granularity: Granularity = Granularity.PER_CHANNEL
    reason: str = ""
    sqnr_db: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorRecipe:
    """The scale of one activation: real = (integer - zero_point) * scale, integers from -128 to 127.

    `low` and `high` are the range that the scale covers, `observer` names how it was chosen. `computed_by` is the layer
    or operator that computes the tensor in integers (with an activation behind it, another node than the tensor's own);
    empty where a float value is rounded for those that read it as integers.
    """

    name: str
    computed_by: str
    low: float
    high: float
    scale: float
    zero_point: int
    observer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRecord:
    """What the scales come from: how many calls, their SHA-256, and how many were held out to measure the cost on."""

    calls: int
    sha256: str
    held_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputCost:
    """What quantisation costs one output of the simulated model on the calls that were held out.

    `sqnr_db` is None where nothing differs; `agreement` is the share of decisions kept (None where none is made);
    `step` is the output's own scale where it is in integers.
    """

    name: str
    sqnr_db: float | None
    agreement: float | None = None
    step: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that turns a prepared program into its quantised one.

    `program` is the fingerprint of the program that it was made for: a recipe fits no other. `budget` is what it may
    cost, as the user wrote it.
    """

    schema: int = SCHEMA
    precision: Precision
    source: str
    program: str
    layers: tuple[LayerRecipe, ...]
    tensors: tuple[TensorRecipe, ...] = ()
    calibration: CalibrationRecord | None = None
    budget: str | None = None
    cost: tuple[OutputCost, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def by_layer(self) -> dict[str, LayerRecipe]:
        """The layers by node name."""
        return {layer.name: layer for layer in self.layers}

    @property
    def by_tensor(self) -> dict[str, TensorRecipe]:
        """The scales by the name of the node that makes the tensor."""
        return {tensor.name: tensor for tensor in self.tensors}

    @property
    def integer_operators(self) -> frozenset[str]:
        """The nodes that read and give integers."""
        return frozenset(tensor.computed_by for tensor in self.tensors if tensor.computed_by)

    @property
    def is_measured(self) -> bool:
        """Whether an artifact's scales are not all those of the simulation: it measures some as it runs."""
        return any(layer.compute is Compute.INT8_DYNAMIC for layer in self.layers)

    @property
    def steps(self) -> dict[str, float]:
        """The scales of those outputs that are integers."""
        return {cost.name: cost.step for cost in self.cost if cost.step is not None}

    @property
    def deciding(self) -> frozenset[str] | None:
        """The outputs that somebody decides by; None where the cost was not measured."""
        return frozenset(cost.name for cost in self.cost if cost.agreement is not None) if self.cost else None

    def macs(self, *computes: Compute) -> int:
        """The multiply-accumulates of the layers that compute so."""
        return sum(layer.macs for layer in self.layers if layer.compute in computes)
