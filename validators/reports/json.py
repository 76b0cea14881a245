"""The report as JSON: parity.json, its reader and its schema."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path
from typing import Any, cast

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
        compact = msgspec.json.encode(_map_texts(msgspec.to_builtins(report), _in_utf_8))
    return msgspec.json.format(compact, indent=2) + b"\n"


def _in_utf_8(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _map_texts(node: Any, change: Callable[[str], str]) -> Any:
    """The JSON value with `change` applied to each text in it, keys included."""
    match node:
        case str():
            return change(node)
        case dict():
            items = cast("dict[str, Any]", node).items()
            return {change(key): _map_texts(value, change) for key, value in items}
        case list() | tuple():
            return [_map_texts(value, change) for value in cast("list[Any]", node)]
        case _:
            return node


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
    # Descriptions are our docstrings, which come with the indentation of the code.
    described: dict[str, Any] = _map_texts(msgspec.json.schema(ParityReport), cleandoc)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "edgeproof parity report", **described}


def schema_text() -> str:
    """The JSON Schema as the text of docs/schemas/parity.schema.json."""
    return msgspec.json.format(msgspec.json.encode(schema(), order="sorted"), indent=2).decode() + "\n"
