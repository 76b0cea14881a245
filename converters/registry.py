"""Looks converters, runners and describers up: edgeproof's own, and those that other distributions add.

A third party adds rows through the entry points `edgeproof.converters` ("torch:coreml = pkg.mod:convert")
and `edgeproof.runners` ("coreml = pkg.mod:run").
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points

from .micro_backends import micro_backend
from .precision import Precision
from .registry_converters import CONVERTERS
from .registry_micro import MICRO_CONVERTERS
from .registry_rows import (
    DESCRIBERS,
    QUANTIZERS,
    RUNNERS,
    ConverterRow,
    DescriberRow,
    QuantizerRow,
    RunnerRow,
)
from .source import Framework
from .worker.stacks import Stack


def converters() -> dict[str, ConverterRow]:
    """Every converter by key, our own and those that entry points add."""
    rows = {row.key: row for row in CONVERTERS}
    for point in entry_points(group="edgeproof.converters"):
        origin, _, format_name = point.name.partition(":")
        stack = next((row.stack for row in DESCRIBERS if row.framework == origin), Stack.TORCH)
        rows[point.name] = ConverterRow(
            origin=origin,
            format=format_name,
            entry=point.value,
            stack=stack,
            cost=5,
            needs=(),
            extra="",
            backends=(),
        )
    return rows


def converter(
    origin: str, format_name: str, precision: Precision, *, backend: str | None = None
) -> ConverterRow | None:
    """The row that makes a format of an origin in a precision; None if there is none.

    A `backend` of the micro edge has rows of its own; others are choices within a row.
    """
    micro = [row for row in MICRO_CONVERTERS if backend in row.backends]
    rows = micro if micro_backend(backend) else converters().values()
    return next(
        (row for row in rows if row.origin == origin and row.format == format_name and precision in row.precisions),
        None,
    )


def quantizer(origin: str) -> QuantizerRow | None:
    """What quantises the programs of an origin; None for TensorFlow, whose functions go through their ONNX graph."""
    return next((row for row in QUANTIZERS if row.origin == origin), None)


def runners() -> dict[str, RunnerRow]:
    """Every runner by format, our own and those that entry points add."""
    rows = {row.format: row for row in RUNNERS}
    for point in entry_points(group="edgeproof.runners"):
        rows[point.name] = RunnerRow(format=point.name, entry=point.value, stack=Stack.RUNTIMES, needs=(), extra="")
    return rows


def describer(framework: Framework) -> DescriberRow:
    """What opens the sources of a framework."""
    return next(row for row in DESCRIBERS if row.framework is framework)


def formats() -> Iterator[str]:
    """The formats that can be made, in table order."""
    seen: dict[str, None] = {}
    for row in converters().values():
        seen.setdefault(str(row.format))
    yield from seen
