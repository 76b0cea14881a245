"""The labels of a bundle: read, held against the output that they name, and what the source says of each sample."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...converters.errors import InputError
from ...converters.signature import Signature, TensorSpec
from ...converters.tensors import Call

_YES = 0.5
_FORM = "one label a line in UTF-8: --labels labels.txt, or --labels OUTPUT=labels.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelNames:
    """The names of an output's classes, in the order of its last axis; two where that axis has one probability."""

    output: str
    names: tuple[str, ...]

    def of(self, outputs: Call) -> str:
        """What an output says: the name of its largest element, or by a probability which of two."""
        values = np.asarray(outputs[self.output]).reshape(-1, np.asarray(outputs[self.output]).shape[-1])[0]
        place = int(values[0] >= _YES) if len(values) == 1 else int(np.argmax(values))
        return self.names[place]

    def expected(self, reference: Iterable[Call]) -> tuple[str, ...]:
        """What the source itself says of each sample."""
        return tuple(self.of(call) for call in reference)


def read_labels_file(text: str, signature: Signature) -> LabelNames:
    """Labels from "FILE" or "OUTPUT=FILE"; InputError if they fit no output, or more than one."""
    output, path = _split(text, signature)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the labels cannot be read from {path}: {error}", fix=_FORM) from error
    names = tuple(line.strip() for line in lines)
    while names and not names[-1]:
        names = names[:-1]
    for place, name in enumerate(names):
        if not name or names.index(name) != place:
            raise InputError(f"line {place + 1} of {path} is {'empty' if not name else 'there twice'}", fix=_FORM)
    fitting = [spec.name for spec in signature.outputs if output in {None, spec.name} and _fits(spec, len(names))]
    if len(fitting) != 1:
        raise InputError(_unfit(path, len(names), fitting, signature), fix=_FORM)
    return LabelNames(output=fitting[0], names=names)


def _split(text: str, signature: Signature) -> tuple[str | None, Path]:
    output, equals, path = text.partition("=")
    named = equals and any(spec.name == output for spec in signature.outputs)
    return (output, Path(path)) if named else (None, Path(text))


def _fits(spec: TensorSpec, count: int) -> bool:
    last = spec.shape[-1] if len(spec.shape) > 1 else None
    return last == count or (last == 1 and count == 2)


def _unfit(path: Path, count: int, fitting: list[str], signature: Signature) -> str:
    if fitting:
        return f"{path} has {count} labels, and {', '.join(fitting)} have room for as many: say which one is meant"
    outputs = ", ".join(f"{spec.name} {list(spec.shape)}" for spec in signature.outputs)
    return f"{path} has {count} labels, which fit no output's last axis: {outputs}"
