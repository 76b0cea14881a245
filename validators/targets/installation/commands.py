"""Runs the machine's own tools, and says in words what they refused."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ....converters.errors import NotRunnable

_FULL = "No space left on device"
_ROOM = "free some space, or choose another folder with $EDGEPROOF_CACHE; what is done already stays"
_SECONDS = 900.0
_NOTHING: Mapping[str, str] = {}


def run_tool(
    command: Sequence[str],
    *,
    fix: str,
    folder: Path | None = None,
    variables: Mapping[str, str] = _NOTHING,
) -> str:
    """What the tool prints; raises NotRunnable with its own last words if it is missing or fails."""
    environment = {**os.environ, "LC_ALL": "C", **variables}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise NotRunnable(f"there is no {command[0]} here", fix=fix) from error
    except subprocess.TimeoutExpired as error:
        raise NotRunnable(f"{command[0]} did not end within {_SECONDS:g} s", fix="try again") from error
    if done.returncode:
        said = done.stderr or done.stdout
        raise NotRunnable(f"{_called(command)} failed: {last_words(said)}", fix=_ROOM if _FULL in said else fix)
    return done.stdout


def _called(command: Sequence[str]) -> str:
    """The tool and what it was to do, as people call it."""
    words = command[2:] if "-m" in command[:2] else command
    return " ".join(Path(word).name for word in words[:2] if not word.startswith("-"))


def last_words(text: str) -> str:
    """The last line that calls itself an error, or the last one there is."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("e:", "error", "err:"))]
    return (errors or lines or ["it said nothing"])[-1]
