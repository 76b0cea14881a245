"""Labels with texts beside them, wrapped to the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator

from .wording import NO_BREAK

_NARROWEST, _WIDEST = 40, 120


def field_lines(label: str, texts: Iterable[str], *, indent: int) -> Iterator[str]:
    """The lines of one field: its label, and its texts `indent` columns in; empty ones are skipped."""
    width = max(_NARROWEST, min(shutil.get_terminal_size((100, 24)).columns, _WIDEST))
    for text in filter(None, texts):
        lines = textwrap.wrap(
            text,
            width=width,
            initial_indent=f"{label:<{indent}}",
            subsequent_indent=" " * indent,
            break_on_hyphens=False,
            break_long_words=False,
        )
        yield from (line.replace(NO_BREAK, " ") for line in lines)
        label = ""
