"""How numbers and foreign texts are shown to people."""

from __future__ import annotations

from collections.abc import Mapping

NO_BREAK = "\N{NO-BREAK SPACE}"


def counts_text(counts: Mapping[str, int]) -> str:
    """Counts as "Conv 6, Relu 5", with a space between name and number at which no line breaks."""
    return ", ".join(f"{printable(name)}{NO_BREAK}{count:,}" for name, count in counts.items())


def plural(count: int, noun: str) -> str:
    """A count with its noun: "1 operator", "2 operators"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def printable(text: str, *, keep: str = "") -> str:
    """A text from elsewhere without anything that a terminal would obey, except the characters to `keep`."""
    return "".join(letter if letter.isprintable() or letter in keep else ascii(letter)[1:-1] for letter in text)


def printable_lines(text: str) -> str:
    """The same for a text of several lines."""
    return printable(text, keep="\n")
