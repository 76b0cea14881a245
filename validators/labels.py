"""What labels are called in a file of samples: `label`, or `label_<output>` where there are several outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ..converters.signature import Signature

LABEL = "label"
Value = TypeVar("Value")


def label_of(output: str) -> str:
    """The name under which the labels of a named output are stored."""
    return f"{LABEL}_{output}"


def label_names(signature: Signature) -> tuple[str, ...]:
    """What labels of this model may be called; what an input is called is an input."""
    names = (LABEL, *(label_of(spec.name) for spec in signature.outputs))
    inputs = {spec.name for spec in signature.inputs}
    return tuple(name for name in names if name not in inputs)


def without_labels(arrays: Mapping[str, Value], signature: Signature) -> dict[str, Value]:
    """The arrays that are no labels of this model: its inputs, and whatever else there is."""
    labels = label_names(signature)
    return {name: array for name, array in arrays.items() if name not in labels}
