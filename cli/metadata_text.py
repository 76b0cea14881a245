"""A text that an artifact holds, as lines for people: a short one whole, JSON by its keys, others by their start."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import msgspec

from .wording import printable

_SHORT = 200
_LONGEST_VALUE = 60
_MOST_LINES = 16


def metadata_lines(name: str, text: str) -> Iterator[str]:
    """The entry's name and text; of long JSON each key with its value, or how many values that has."""
    if len(text) <= _SHORT:
        yield f"{printable(name)}: {printable(text)}"
        return
    held = _object(text)
    if held is None:
        yield f"{printable(name)}: {printable(text[:_SHORT])}... ({len(text):,} characters, --json shows all)"
        return
    yield f"{printable(name)}: JSON of {len(text):,} characters (--json shows all)"
    for key, value in list(held.items())[:_MOST_LINES]:
        yield f"- {printable(key)}: {_value(value)}"
    if len(held) > _MOST_LINES:
        yield f"- and {len(held) - _MOST_LINES} more"


def _object(text: str) -> dict[str, object] | None:
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return None


def _value(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    if len(text) <= _LONGEST_VALUE:
        return printable(text)
    if isinstance(value, Sized) and not isinstance(value, str):
        return f"{len(value):,} {'values' if isinstance(value, list) else 'keys'}"
    return f"{printable(text[:_LONGEST_VALUE])}..."
