"""Work in a process of its own: whatever happens there is a result here, never an exception."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_BENCHMARKS = Path(__file__).resolve().parent.parent
_ENVIRONMENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONPATH": f"{_BENCHMARKS}{os.pathsep}{_BENCHMARKS / 'models'}",
}
_LONGEST_REASON = 160
MARK = "child failed: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a child returned, or why it returned nothing."""

    value: dict[str, Any] = field(default_factory=dict)
    failure: str = ""


def call(function: str, arguments: Mapping[str, Any], *, seconds: float) -> Done:
    """`module:function` of this folder with JSON arguments, in a fresh process with a time limit."""
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "answer.json"
        command = [sys.executable, "-m", "quantized.child", function, json.dumps(dict(arguments)), str(answer)]
        code, stderr = _run(command, scratch, seconds)
        if code is None:
            return Done(failure=f"takes longer than {seconds:.0f} s")
        if code == 0 and answer.exists():
            return Done(value=json.loads(answer.read_text(encoding="utf-8")))
    return Done(failure=_reason(code, stderr))


def _run(command: list[str], folder: str, seconds: float) -> tuple[int | None, str]:
    """Exit code (None when time is up) and what was written to stderr; the child's own children die with it.

    Some tools leave files in the working directory, which is why it is `folder`.
    """
    with tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=err,
            env={**os.environ, **_ENVIRONMENT},
            cwd=folder,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        err.seek(0)
        return code, err.read().decode(errors="replace")


def _reason(code: int, stderr: str) -> str:
    if code < 0:
        return f"crashes: {signal.Signals(-code).name}"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    text = next((line for line in reversed(lines) if line.startswith(MARK)), f"exit code {code}")
    return f"fails: {text.removeprefix(MARK)[:_LONGEST_REASON]}"
