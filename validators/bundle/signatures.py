"""Signing a bundle and looking at its signature, where what computes signatures is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ...converters.errors import NotRunnable


def sign_folder(folder: Path, key: Path, *, name: str) -> None:
    """Write model.sig over every other file of the folder; see signing.py. NotRunnable without cryptography."""
    _require_cryptography()
    from .signing import sign  # noqa: PLC0415 (not everybody signs)

    sign(folder, key, name=name)


def require_key(key: Path) -> None:
    """Raise InputError for what is no private key, before any work is done. NotRunnable without cryptography."""
    _require_cryptography()
    from .signing import require_private_key  # noqa: PLC0415

    require_private_key(key)


def verify_folder(folder: Path, key: Path) -> None:
    """Raise UnsafeInput unless the key's owner signed exactly these files. NotRunnable without cryptography."""
    _require_cryptography()
    from .signing import verify_signature  # noqa: PLC0415

    verify_signature(folder, key)


def _require_cryptography() -> None:
    if find_spec("cryptography") is None:
        raise NotRunnable(
            "signatures need cryptography, which is not installed", fix='pip install "edgeproof[signing]"'
        )
