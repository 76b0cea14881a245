"""What is asked of `edgeproof bundle`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...converters.worker.pool import Limits
from .manifest import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRequest:
    """Bundle what lies in `folder`, which `convert` wrote, into the archive `output`.

    `platforms` are all that have an artifact if none are named. `name` and `version` are the source's name and a part
    of its SHA-256 without them; `license` is an SPDX expression or the path of a licence's text. `labels` is a file
    with one label a line, or "OUTPUT=FILE". `preprocess` is a specification for samples that convert was given as
    arrays. `key` signs. `allow` names artifacts that go in without a PASS.
    """

    folder: Path
    output: Path
    platforms: tuple[Platform, ...] = ()
    name: str | None = None
    version: str | None = None
    license: str | None = None
    labels: str | None = None
    preprocess: Path | None = None
    key: Path | None = None
    allow: tuple[str, ...] = ()
    overwrite: bool = False
    limits: Limits = field(default_factory=Limits)
