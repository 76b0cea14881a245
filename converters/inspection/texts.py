"""Shows what artifacts hold beside the model: a text as it is, anything else by its size."""

from __future__ import annotations

_LONGEST = 4 << 20


def text_of(content: memoryview | bytes | None) -> str | None:
    """The content if it is a text in UTF-8, without zeros at its end; None if it is anything else, or very long."""
    data = b"" if content is None else content
    if len(data) > _LONGEST:
        return None
    try:
        text = str(data, "utf-8").rstrip("\0")
    except UnicodeDecodeError:
        return None
    return text if all(letter.isprintable() or letter in "\n\r\t" for letter in text) else None


def shown(content: memoryview | bytes | None) -> str:
    """The text, or how many bytes there are."""
    text = text_of(content)
    return text if text is not None else f"{len(content or b'')} bytes"
