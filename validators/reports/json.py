"""The report as JSON: parity.json, its reader and its schema."""

from __future__ import annotations

from pathlib import Path

from ...converters.documents import Document
from ...converters.writing import write_atomically
from ..parity import SCHEMA, ParityReport

_DOCUMENT = Document(
    content=ParityReport, title="parity report", schema=SCHEMA, fix="make the report again with `edgeproof verify`"
)


def encode(report: ParityReport) -> bytes:
    """The report as indented UTF-8 JSON; the same report gives the same bytes."""
    return _DOCUMENT.encode(report)


def decode(data: bytes, *, name: str = "parity.json") -> ParityReport:
    """The report that `encode` wrote; fields it does not know are ignored.

    Raises InputError if the data are no report or one of another schema version.
    """
    return _DOCUMENT.decode(data, name=name)


def write_json(report: ParityReport, path: Path) -> None:
    """Write the report to `path`, whole or not at all."""
    write_atomically(path, encode(report))


def schema_text() -> str:
    """The JSON Schema as the text of docs/schemas/parity.schema.json."""
    return _DOCUMENT.schema_text()
