"""Our JSON documents: how they become bytes, how they are read again, and their JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, Generic, TypeVar, cast

import msgspec

from .errors import InputError

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Generic[Content]):
    """A kind of document: the type of its content, its name in words, its schema's version, how to make it again."""

    content: type[Content]
    title: str
    schema: int
    fix: str

    def encode(self, content: Content) -> bytes:
        """The content as indented UTF-8 JSON; the same content gives the same bytes."""
        try:
            compact = msgspec.json.encode(content)
        except UnicodeEncodeError:
            # A file name that is not UTF-8 comes as lone surrogates, which UTF-8 cannot hold.
            compact = msgspec.json.encode(_map_texts(msgspec.to_builtins(content), _in_utf_8))
        return msgspec.json.format(compact, indent=2) + b"\n"

    def decode(self, data: bytes, *, name: str) -> Content:
        """The content that `encode` wrote; fields it does not know are ignored.

        Raises InputError if the data are no such document or one of another schema version.
        """
        try:
            version = msgspec.json.decode(data, type=_SchemaOnly).schema
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError(f"{name} is not an edgeproof {self.title}: {error}", fix=self.fix) from error
        if version != self.schema:
            raise InputError(
                f"{name} is a {self.title} with schema {version}, this edgeproof reads {self.schema}", fix=self.fix
            )
        try:
            return msgspec.json.decode(data, type=self.content)
        except (msgspec.ValidationError, RecursionError) as error:
            raise InputError(
                f"{name} does not fit the schema of an edgeproof {self.title}: {error}", fix=self.fix
            ) from error

    def schema_text(self) -> str:
        """The JSON Schema as text, for docs/schemas."""
        # Descriptions are our docstrings, which come with the indentation of the code.
        described: dict[str, Any] = _map_texts(msgspec.json.schema(self.content), cleandoc)
        schema = {"$schema": _DIALECT, "title": f"edgeproof {self.title}", **described}
        return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2).decode() + "\n"


_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _SchemaOnly(msgspec.Struct):
    schema: int


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
