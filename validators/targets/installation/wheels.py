"""Takes wheels of another architecture with the host's own pip, and unpacks them into a folder of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..architecture import Architecture
from .commands import run_tool

_FIX = "see that pip works and reaches its index: `python -m pip download numpy`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Something that was downloaded: its name, version, and the SHA-256 that its index or archive has for it."""

    name: str
    version: str
    sha256: str


def install_wheels(
    requirements: Sequence[str], folder: Path, *, architecture: Architecture, python: str, report: Path
) -> list[Fetched]:
    """Install exactly these, without what they require, for the Python `python` ("3.11"); `report` is pip's own.

    Raises NotRunnable if pip fails, which compares hashes with the index's.
    """
    platforms = [part for tag in architecture.wheel_platforms for part in ("--platform", tag)]
    run_tool(
        (
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-input", "--quiet"),
            *("--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms),
            *("--no-compile", "--target", str(folder), "--report", str(report), *requirements),
        ),
        fix=_FIX,
    )
    return _fetched(report)


def _fetched(report: Path) -> list[Fetched]:
    installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [
        Fetched(
            name=each["metadata"]["name"],
            version=each["metadata"]["version"],
            sha256=each["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256", ""),
        )
        for each in installed
    ]


def require_pip() -> None:
    """Raises NotRunnable in an environment without pip."""
    run_tool((sys.executable, "-m", "pip", "--version"), fix="install pip into this environment: python -m ensurepip")


def pinned(name: str, *, otherwise: str) -> str:
    """The version that runs on this host, so that both sides compute with the same; `otherwise` if there is none."""
    try:
        return f"{name}=={version(name).partition('+')[0]}"
    except PackageNotFoundError:
        return otherwise
