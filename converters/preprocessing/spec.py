"""A preprocessing specification: data that convert runs, a bundle ships and every example implements."""

from __future__ import annotations

from pathlib import Path

from ..documents import Document
from ..errors import InputError
from .contradictions import contradictions
from .fitting import check_spec as check_spec
from .kinds import HOW, SCHEMA, Spec
from .kinds import AudioSpec as AudioSpec
from .kinds import Colours as Colours
from .kinds import Filter as Filter
from .kinds import ImageSpec as ImageSpec
from .kinds import LogMel as LogMel
from .kinds import Resize as Resize
from .kinds import TextSpec as TextSpec

FILE_NAME = "preprocess.json"
TOKENIZER = "tokenizer"

DOCUMENT: Document[Spec] = Document(
    content=Spec,  # type: ignore[arg-type]  # a union is no class, and msgspec reads it as one
    title="preprocessing specification",
    schema=SCHEMA,
    fix=HOW,
)


def is_specification(preprocess: str | None) -> bool:
    """Whether what was given to `--preprocess` names a specification, and not a function."""
    return preprocess is not None and preprocess.endswith(".json")


def read_spec(path: Path) -> Spec:
    """The specification in a file; InputError if it is none or contradicts itself."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", fix="check the path of --preprocess") from error
    spec = DOCUMENT.decode(data, name=str(path))
    for said in contradictions(spec, path.parent):
        raise InputError(f"{path}: {said}", fix=f"correct it; {HOW}")
    return spec
