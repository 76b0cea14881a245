"""Calls Vela, Arm's compiler for Ethos-U: what it made, what it expects of it, and what it left to the CPU and why."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

# Installed beside us, where mypy does not look (targets/micro.py)
from ethosu.vela import vela  # type: ignore[import-not-found]
from executorch.backends.arm.arm_vela import vela_compile

from ...errors import ConversionError
from ...estimate import Estimate, parse_summary
from ...micro_backends import MicroBackend
from .vela_output import Left, parse_counts, parse_left


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What came of one call of Vela."""

    payload: bytes
    estimate: Estimate
    left: tuple[Left, ...] = ()


@dataclass(slots=True)
class Said:
    """What was printed, by Python and by native code, once the block has ended."""

    text: str = field(default="")


def compile_litert(model: bytes, backend: MicroBackend) -> Compiled:
    """The LiteRT file with every operator that the NPU takes replaced; raises ConversionError."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "model.tflite"
        source.write_bytes(model)
        arguments = [*flags_of(backend), "--output-format=tflite", "--show-cpu-operations", f"--output-dir={scratch}"]
        with _explained(), captured() as said:
            vela.main([*arguments, str(source)])
        payload = (Path(scratch) / "model_vela.tflite").read_bytes()
        return Compiled(payload=payload, estimate=_estimate(Path(scratch), said.text), left=parse_left(said.text))


def compile_tosa(tosa: bytes, flags: list[str]) -> Compiled:
    """The part of an ExecuTorch program that Vela makes of a TOSA graph; raises ConversionError."""
    with tempfile.TemporaryDirectory() as scratch:
        with _explained(), captured() as said:
            made = vela_compile(tosa, list(flags), intermediate_path=scratch)
        left = parse_left(said.text)
        estimate = _estimate(Path(scratch) / "output", said.text)
        return Compiled(payload=made.processed_bytes, estimate=estimate, left=left)


def flags_of(backend: MicroBackend) -> list[str]:
    """Vela's options for a backend."""
    return [
        f"--accelerator-config={backend.name}",
        "--config=Arm/vela.ini",
        f"--system-config={backend.system_config}",
        f"--memory-mode={backend.memory_mode}",
    ]


def name_and_version() -> str:
    """What the estimate is by."""
    return f"Vela {version('ethos-u-vela')}"


def _estimate(folder: Path, said: str) -> Estimate:
    summary = next(iter(folder.glob("*_summary_*.csv")), None)
    if summary is None:
        raise ConversionError("Vela wrote no summary of what it compiled", fix="read the log")
    return parse_summary(summary.read_text(encoding="utf-8"), by=name_and_version(), operators=parse_counts(said))


@contextmanager
def _explained() -> Generator[None]:
    """Vela ends the process that it thinks is its own, or raises anything."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise ConversionError(
            f"Vela could not compile it: {type(error).__name__}: {str(error).strip() or 'it did not say why'}",
            fix="read the log; another backend, or other operators",
        ) from error


@contextmanager
def captured() -> Generator[Said]:
    """Whatever is printed within the block, which goes on to where it went before."""
    said = Said()
    with tempfile.TemporaryFile() as file:
        kept = [os.dup(descriptor) for descriptor in (1, 2)]
        _flush()
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        try:
            yield said
        finally:
            _flush()
            for descriptor, old in zip((1, 2), kept, strict=True):
                os.dup2(old, descriptor)
                os.close(old)
            file.seek(0)
            said.text = file.read().decode(errors="replace")
            sys.stdout.write(said.text)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
