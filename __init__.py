"""One model, many artifacts, provably the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .validators.api import Opening as Opening
    from .validators.api import Trust as Trust
    from .validators.api import convert as convert
    from .validators.api import verify as verify

__all__ = ["Opening", "Trust", "convert", "verify"]


def __getattr__(name: str) -> Any:
    """The public names, imported when first asked for: the command line must start without them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .validators import api  # noqa: PLC0415  (what makes this lazy)

    return getattr(api, name)
