"""The report as JSON: parity.json, its reader and its schema."""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from ...converters.errors import InputError
from ...converters.writing import write_atomically
from ..parity import SCHEMA, ParityReport


def encode(report: ParityReport) -> bytes:
    """The report as indented UTF-8 JSON; the same report gives the same bytes."""
    try:
        compact = msgspec.json.encode(report)
    except UnicodeEncodeError:
        # A file name that is not UTF-8 comes as lone surrogates, which UTF-8 cannot hold.
        compact = msgspec.json.encode(_without_surrogates(msgspec.to_builtins(report)))
    return msgspec.json.format(compact, indent=2) + b"\n"


def _without_surrogates(node: Any) -> Any:
    if isinstance(node, dict):
        return {_without_surrogates(key): _without_surrogates(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_without_surrogates(value) for value in node]
    return node.encode("utf-8", "replace").decode("utf-8") if isinstance(node, str) else node


def decode(data: bytes, *, name: str = "parity.json") -> ParityReport:
    """The report that `encode` wrote; fields it does not know are ignored.

    Raises InputError if the data are no report or one of another schema version.
    """
    try:
        version = msgspec.json.decode(data, type=_SchemaOnly).schema
    except msgspec.DecodeError as error:
        raise InputError(f"{name} is not a parity report: {error}", fix=_AGAIN) from error
    if version != SCHEMA:
        raise InputError(f"{name} has schema {version}, this edgeproof reads {SCHEMA}", fix=_AGAIN)
    try:
        return msgspec.json.decode(data, type=ParityReport)
    except msgspec.ValidationError as error:
        raise InputError(f"{name} does not fit its schema: {error}", fix=_AGAIN) from error


_AGAIN = "make the report again with `edgeproof verify`"


class _SchemaOnly(msgspec.Struct):
    schema: int


def write_json(report: ParityReport, path: Path) -> None:
    """Write the report to `path`, whole or not at all."""
    write_atomically(path, encode(report))


def schema() -> dict[str, Any]:
    """The JSON Schema of parity.json."""
    described: dict[str, Any] = _dedented(msgspec.json.schema(ParityReport))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "edgeproof parity report", **described}


def _dedented(node: Any) -> Any:
    """The schema with its descriptions, which are our docstrings, without the indentation of the code."""
    if isinstance(node, dict):
        return {key: _dedented(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_dedented(value) for value in node]
    return cleandoc(node) if isinstance(node, str) else node


def schema_text() -> str:
    """The JSON Schema as the text of docs/schemas/parity.schema.json."""
    return msgspec.json.format(msgspec.json.encode(schema(), order="sorted"), indent=2).decode() + "\n"
