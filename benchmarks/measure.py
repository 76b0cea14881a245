"""Runs a command as a whole process and says what it cost, and describes the machine it ran on."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

from edgeproof.converters.processor import this_processor

EDGEPROOF = str(Path(sys.executable).with_name("edgeproof"))
_TOOLS = (
    "edgeproof",
    "torch",
    "executorch",
    "litert-torch",
    "tensorflow",
    "keras",
    "onnx",
    "onnxscript",
    "onnxruntime",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one command took, with all processes it started and waited for.

    `processor_seconds` is user and system time; `peak_bytes` the largest resident set that any single one of
    its processes had.
    """

    wall_seconds: float
    processor_seconds: float
    peak_bytes: int
    code: int
    stdout: str
    stderr: str


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**os.environ, **(environment or {})}
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        return Cost(
            wall_seconds=wall,
            processor_seconds=usage.ru_utime + usage.ru_stime,
            peak_bytes=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            code=process.returncode,
            stdout=_text_of(out),
            stderr=_text_of(err),
        )


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def spread(values: Sequence[float], *, digits: int = 2) -> dict[str, float]:
    """Median, smallest and largest."""
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def machine() -> dict[str, Any]:
    """What a reader must know to compare: processor, memory, versions; nothing that names the machine."""
    return {
        "processor": this_processor().name,
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: found for name in _TOOLS if (found := _version(name))},
        "load_before": round(os.getloadavg()[0], 2),
    }


def machine_text(found: Mapping[str, Any]) -> str:
    """The machine in one sentence."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return (
        f"{found['processor']}, {found['processors']} processors, {found['memory_gib']} GiB, {found['system']}, "
        f"Python {found['python']}, {versions}; load average before the run {found['load_before']}."
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def megabytes(size: float | None) -> str:
    """Bytes as text."""
    if size is None:
        return "-"
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns line up in plain text as well."""
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    lines = [headings, ["-" * width for width in widths], *rows]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in padded) + "\n"
