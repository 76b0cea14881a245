"""Where prepared targets lie: one folder for each architecture in the user's cache."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "EDGEPROOF_CACHE"


def cache_folder() -> Path:
    """`$EDGEPROOF_CACHE`, or edgeproof's folder in the user's cache."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "edgeproof"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "edgeproof"


def targets_folder() -> Path:
    """The folder of all prepared targets."""
    return cache_folder() / "targets"
