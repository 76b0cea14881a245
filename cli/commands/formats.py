"""`edgeproof formats`: what can be made from what, with which precisions, and what is installed for it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import click

from ...converters.micro_backends import MICRO_BACKENDS
from ...converters.registry import converters, runners
from ...converters.registry_micro import MICRO_CONVERTERS
from ...converters.registry_rows import ConverterRow
from ..options import json_option, verbosity_options
from ..plain_table import plain_table

_SCHEMA = 1
_EXAMPLES = """\b
Examples:
  edgeproof formats
  edgeproof formats --json"""


@click.command(name="formats", epilog=_EXAMPLES)
@json_option
@verbosity_options
def command(as_json: bool) -> int:
    """List what can be made from what.

    One row per way from a framework to a format; nothing is imported to find out.
    """
    rows = [_describe(row) for row in converters().values() if row.origin != "onnx"]
    micro = [_describe(row) for row in MICRO_CONVERTERS if row.origin != "onnx"]
    if as_json:
        click.echo(json.dumps({"schema": _SCHEMA, "formats": rows, "micro_edge": micro}, indent=2))
        return 0
    header = ("from", "to", "backends", "precisions", "makes", "runs")
    table = [
        (
            row["from"],
            row["to"],
            ", ".join(row["backends"]) or "-",
            ", ".join(row["precisions"]),
            _state(row["missing"]),
            _state(row["missing_to_run"]),
        )
        for row in rows
    ]
    click.echo("\n".join(plain_table(header, table)))
    click.echo("\n".join(_micro_edge()))
    extras = sorted({extra for row in rows if row["missing"] or row["missing_to_run"] for extra in row["extras"]})
    if extras:
        click.echo(f'\nfix: pip install "edgeproof[{",".join(extras)}]"')
    return 0


def _micro_edge() -> Iterator[str]:
    """The backends for microcontrollers, each by name: they are too many for a table."""
    yield "\nfor microcontrollers: --backend NAME --precision int8, after `edgeproof targets install ethos-u`"
    for made in dict.fromkeys(row.format for row in MICRO_CONVERTERS):
        names = ", ".join(name for name in MICRO_BACKENDS if made in MICRO_BACKENDS[name].formats)
        yield from textwrap.wrap(f"{made}: {names}", 100, initial_indent="  ", subsequent_indent="    ")


def _describe(row: ConverterRow) -> dict[str, Any]:
    runner = runners().get(row.format)
    return {
        "from": str(row.origin),
        "to": str(row.format),
        "backends": list(row.backends),
        "precisions": [str(precision) for precision in row.precisions],
        "missing": list(row.missing),
        "missing_to_run": list(runner.missing) if runner else ["a runner"],
        "extras": [*row.extra.split(","), *(runner.extra.split(",") if runner else ())],
        "by_way_of": row.detour,
    }


def _state(missing: list[str]) -> str:
    return f"needs {', '.join(missing)}" if missing else "yes"
