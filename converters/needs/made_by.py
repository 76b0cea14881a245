"""The least version of a runtime whose format does not tell one: that of the library that made the file."""

from __future__ import annotations

from collections.abc import Mapping


def made_by_or_unknown(library: str, made_by: Mapping[str, str], *, promise: str) -> tuple[str, str]:
    """The library's version, and why it is taken; "unknown" where nobody wrote down who made the file."""
    version = made_by.get(library)
    if version is None:
        return "unknown", f"nothing tells which {library} made it; {promise}"
    return version, f"the version that made it: {promise}"
