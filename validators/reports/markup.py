"""Texts as they may stand in HTML."""

from __future__ import annotations

import re
from html import escape as escape_markup

from .wording import printable

_PLOT = re.compile(r"<figure class=\"plot.*?</figure>", re.DOTALL)
_NAME = re.compile(r'(\bid="|url\(#|\bhref="#)')


def escape(text: str) -> str:
    """The text between tags and in attributes."""
    return escape_markup(printable(text))


def with_own_names(body: str) -> str:
    """The body of a page with every name inside a plot given once: matplotlib gives the same ones to all."""
    place = 0

    def numbered(plot: re.Match[str]) -> str:
        nonlocal place
        place += 1
        return _NAME.sub(lambda found: f"{found[1]}plot{place}-", plot[0])

    return _PLOT.sub(numbered, body)
