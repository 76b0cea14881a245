"""Calls and outputs in files: stacks of arrays by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Call = dict[str, np.ndarray]


def read_calls(path: Path, shapes: Mapping[str, Sequence[int]]) -> list[Call]:
    """The calls of a file, of these inputs in this order; its other arrays, which are labels, are left out.

    An array has one axis more than its input, or the input's with the calls one after another along the first.
    """
    with np.load(path) as file:
        arrays = {name: file[name].reshape(-1, *shape) for name, shape in shapes.items()}
    return [dict(zip(arrays, values, strict=True)) for values in zip(*arrays.values(), strict=True)]


def write_outputs(path: Path, outputs: Sequence[Call]) -> None:
    """Outputs of calls, stacked, in their order."""
    np.savez(path, **{name: np.stack([each[name] for each in outputs]) for name in outputs[0]})  # type: ignore[arg-type]


def read_outputs(path: Path) -> dict[str, np.ndarray]:
    """What `write_outputs` wrote: (calls, ...) by name."""
    with np.load(path) as file:
        return {name: file[name] for name in file.files}
