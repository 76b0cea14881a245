"""TensorFlow Lite's description of a model: a ModelMetadata FlatBuffer, which its task libraries and editors read.

The fields are those that inspection/litert_description.py reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..inspection.litert_description import IDENTIFIER, Graph, Model, Tensor
from .facts import ImageFacts, ModelFacts, TensorText
from .flatbuffer_writer import Many, Reals, Record, Reference, Scalar, records, string, written

# What all of the fields below were in from the start; associated files, normalisation and images are 1.0.0.
_PARSER = "1.0.0"
_FEATURE, _IMAGE = 1, 2
_NORMALIZATION = 1
_AXIS_LABELS = 2
_COLOURS = {None: 0, "rgb": 1, "grey": 2}


def description_of(facts: ModelFacts, inputs: Iterable[str], outputs: Iterable[str]) -> bytes:
    """The facts as a FlatBuffer; `inputs` and `outputs` are names in the order of the graph's own lists."""
    labels = {tensor.labels for tensor in facts.outputs}
    graph = _record(
        {
            Graph.INPUTS: records(_tensor(name, _named(facts.inputs, name)) for name in inputs),
            Graph.OUTPUTS: records(_tensor(name, _named(facts.outputs, name)) for name in outputs),
        }
    )
    return written(
        _record(
            {
                Model.NAME: facts.name,
                Model.DESCRIPTION: facts.description,
                Model.VERSION: facts.version,
                Model.GRAPHS: records([graph]),
                Model.AUTHOR: facts.author,
                Model.LICENSE: facts.license,
                Model.FILES: records(_record({0: name}) for name in facts.files if name not in labels),
                Model.PARSER: _PARSER,
            }
        ),
        identifier=IDENTIFIER,
    )


def _named(tensors: tuple[TensorText, ...], name: str) -> TensorText:
    return next((tensor for tensor in tensors if tensor.name == name), TensorText(name=name))


def _tensor(name: str, text: TensorText) -> Record:
    labels = [] if text.labels is None else [_record({0: text.labels, 2: Scalar("b", _AXIS_LABELS)})]
    normalised = text.image is not None and (text.image.mean or text.image.std)
    return _record(
        {
            Tensor.NAME: name,
            Tensor.DESCRIPTION: text.description,
            Tensor.CONTENT: _content(text.image),
            Tensor.UNITS: records([_normalisation(text.image)] if text.image is not None and normalised else []),
            Tensor.STATS: _record({0: Reals(text.high), 1: Reals(text.low)}) if text.high or text.low else None,
            Tensor.FILES: records(labels),
        }
    )


def _content(image: ImageFacts | None) -> Record:
    if image is None:
        return Record({0: Scalar("B", _FEATURE), 1: Record()})
    return Record({0: Scalar("B", _IMAGE), 1: Record({0: Scalar("b", _COLOURS.get(image.colours, 0))})})


def _normalisation(image: ImageFacts) -> Record:
    return Record({0: Scalar("B", _NORMALIZATION), 1: Record({0: Reals(image.mean), 1: Reals(image.std)})})


def _record(fields: Mapping[int, Scalar | Reference | str | None]) -> Record:
    """A table without the fields that say nothing."""
    said: dict[int, Scalar | Reference] = {}
    for number, value in fields.items():
        if isinstance(value, str):
            if value:
                said[number] = string(value)
        elif value is not None and not (isinstance(value, Many) and not value.items):
            said[number] = value
    return Record(said)
