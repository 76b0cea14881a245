"""What reading an artifact found: signature, operators, partitions, weights, versions."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..artifact import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFacts:
    """One input or output, as far as the file tells; None means that the file does not say.

    `dtype` is a numpy name. A dynamic dimension stands in `shape` by its name, as "?" when it has none, or
    as "<=8" when the file stores only an upper bound. `scale` and `zero_point` belong to a quantised tensor.
    """

    name: str | None
    dtype: str | None
    shape: tuple[int | str, ...] | None
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTensor:
    """One tensor by its full name; `bytes` is what its elements take, None where the dtype has no fixed width."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A part of the graph that was handed to a backend: its payload, and the operators inside if they can be read."""

    backend: str
    method: str
    calls: int
    bytes: int
    operators: dict[str, int] | None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The constants stored in an artifact; shared ones count once. `elements` maps a dtype to a number of values."""

    tensors: int
    bytes: int
    elements: dict[str, int]

    @property
    def count(self) -> int:
        """The number of values of all dtypes together."""
        return sum(self.elements.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a format's reader found in a file.

    `operators` are those the runtime itself executes (outside every partition), by name in the format's own
    spelling, with the number of places that call them. `tensors` are the weights one by one, where they have names.
    """

    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    operators: dict[str, int]
    weights: Weights
    partitions: tuple[Partition, ...] = ()
    versions: dict[str, str] = field(default_factory=dict[str, str])
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    tensors: tuple[NamedTensor, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """An artifact that was read and not run; `bytes` is the size of the file."""

    file: str
    format: Format
    bytes: int
    sha256: str
    contents: Contents

    @property
    def undelegated(self) -> int:
        """How many operator calls stay outside of every partition."""
        return sum(self.contents.operators.values())
