"""Reads TensorFlow Lite's description of a model, a ModelMetadata FlatBuffer, as JSON.

Field numbers are those of metadata_schema.fbs,
https://github.com/tensorflow/tflite-support/blob/master/tensorflow_lite_support/metadata/metadata_schema.fbs, in the
order of declaration (a union takes two).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable

from ..checkpoints.malformed import Budget
from .flatbuffer import Table, root_table

KEY = "TFLITE_METADATA"
IDENTIFIER = b"M001"
_Json = str | list["_Json"] | list[float] | list[str] | dict[str, "_Json"]
_COLOURS = ("", "rgb", "grey")
_IMAGE = 2
_NORMALIZATION = 1


class Model:
    """The fields of the root table."""

    NAME, DESCRIPTION, VERSION, GRAPHS, AUTHOR, LICENSE, FILES, PARSER = range(8)


class Graph:
    """The fields of a graph's description."""

    NAME, DESCRIPTION, INPUTS, OUTPUTS, FILES = range(5)


class Tensor:
    """The fields of an input's or output's description."""

    NAME, DESCRIPTION, DIMENSIONS, CONTENT, UNITS, STATS, FILES = range(7)


def read_description(content: memoryview) -> str:
    """What it says of the model and of the first graph's tensors; raises Malformed."""
    model = root_table(content, Budget(len(content)))
    graph = next(model.tables(Model.GRAPHS), None)
    return json.dumps(
        _said(
            {
                "name": model.string(Model.NAME),
                "description": model.string(Model.DESCRIPTION),
                "version": model.string(Model.VERSION),
                "author": model.string(Model.AUTHOR),
                "license": model.string(Model.LICENSE),
                "files": _files(model.tables(Model.FILES)),
                "inputs": [_tensor(each) for each in graph.tables(Graph.INPUTS)] if graph else None,
                "outputs": [_tensor(each) for each in graph.tables(Graph.OUTPUTS)] if graph else None,
            }
        ),
        ensure_ascii=False,
    )


def _tensor(tensor: Table) -> _Json:
    stats = tensor.table(Tensor.STATS)
    return _said(
        {
            "name": tensor.string(Tensor.NAME),
            "description": tensor.string(Tensor.DESCRIPTION),
            **_content(tensor.table(Tensor.CONTENT)),
            **_normalisation(tensor),
            "max": _numbers(stats, 0),
            "min": _numbers(stats, 1),
            "files": _files(tensor.tables(Tensor.FILES)),
        }
    )


def _content(content: Table | None) -> dict[str, _Json | None]:
    properties = content.table(1) if content and content.scalar(0, "B") == _IMAGE else None
    if properties is None:
        return {}
    colours = properties.scalar(0, "b")
    return {"image": _COLOURS[colours] if 0 < colours < len(_COLOURS) else "unknown colours"}


def _normalisation(tensor: Table) -> dict[str, _Json | None]:
    for unit in tensor.tables(Tensor.UNITS):
        options = unit.table(1) if unit.scalar(0, "B") == _NORMALIZATION else None
        if options is not None:
            return {"mean": _numbers(options, 0), "std": _numbers(options, 1)}
    return {}


def _numbers(table: Table | None, field: int) -> _Json | None:
    # In the fewest digits that are this float32, not those of a float64 that is as large.
    return [_shortest(number) for number in table.reals(field, "f")] if table else None


def _shortest(number: float) -> float:
    """The number with the fewest digits that is the same float32; inspecting does without numpy."""
    stored = struct.pack("<f", number)
    texts = (f"{number:.{digits}g}" for digits in range(1, 9))
    return next((float(text) for text in texts if struct.pack("<f", float(text)) == stored), number)


def _files(files: Iterable[Table]) -> _Json | None:
    return [*(file.string(0) or "?" for file in files)]


def _said(values: dict[str, _Json | None]) -> _Json:
    return {key: value for key, value in values.items() if value}
