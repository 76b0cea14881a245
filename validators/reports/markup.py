"""Texts as they may stand in HTML."""

from __future__ import annotations

from html import escape as escape_markup

from .wording import printable


def escape(text: str) -> str:
    """The text between tags and in attributes."""
    return escape_markup(printable(text))
