"""Runs the command line as a user does, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-P", "-m", "edgeproof.cli")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """What --json printed."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found

    @property
    def statuses(self) -> dict[str, str]:
        """The status of every row by format."""
        return {row["format"]: row["status"] for row in self.document["report"]["results"]}


def edgeproof(*arguments: str | Path, folder: Path, timeout: float = 500) -> Done:
    """Run `edgeproof ARGUMENTS` in `folder`."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )
    return Done(code=done.returncode, stdout=done.stdout, stderr=done.stderr)
