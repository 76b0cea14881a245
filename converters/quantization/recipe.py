"""The recipe: which layers of a model are quantised, how, and with which scales; data to commit and to use again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from ..errors import UsageError
from ..precision import Precision
from ..writing import write_atomically

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
    input; `reason` says why it is not in int8, `sqnr_db` what the model's output keeps when this layer alone is
    quantised (None where that was not measured).
    """

    name: str
    operator: str
    module: str
    macs: int
    weights: int
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
    """What the scales come from: how many calls, and their SHA-256."""

    calls: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that turns a prepared program into its quantised one.

    `program` is the fingerprint of the program that it was made for: a recipe fits no other.
    """

    schema: int = SCHEMA
    precision: Precision
    source: str
    program: str
    layers: tuple[LayerRecipe, ...]
    tensors: tuple[TensorRecipe, ...] = ()
    calibration: CalibrationRecord | None = None

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

    def macs(self, *computes: Compute) -> int:
        """The multiply-accumulates of the layers that compute so."""
        return sum(layer.macs for layer in self.layers if layer.compute in computes)


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe as JSON; raises UsageError if the disk is full."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(recipe), indent=1) + b"\n")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; UsageError if it is missing, damaged, or of another version."""
    try:
        recipe = msgspec.json.decode(path.read_bytes(), type=Recipe)
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(
            f"{path} cannot be read as a recipe: {error}", fix="give a *.recipe.json that `edgeproof convert` wrote"
        ) from error
    if recipe.schema != SCHEMA:
        raise UsageError(f"{path} is a recipe of schema {recipe.schema}, and {SCHEMA} can be read", fix="make it again")
    return recipe
