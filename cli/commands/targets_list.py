"""`edgeproof targets list`: what can run artifacts, and whether it is ready."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from ...validators.reports.wording import size
from ...validators.targets.listing import Listed, listed_targets
from ..options import json_option, verbosity_options
from ..plain_table import plain_table

_SCHEMA = 1


@click.command(name="list")
@json_option
@verbosity_options
def command(as_json: bool = False, **_given: Any) -> int:
    """List what can run artifacts, and whether it is ready."""
    targets = list(listed_targets())
    if as_json:
        document = {"schema": _SCHEMA, "targets": targets}
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return 0
    header = ("target", "state", "formats", "on disk", "what it is")
    click.echo("\n".join(plain_table(header, [_cells(target) for target in targets])))
    for target in targets:
        if target.cpus:
            click.echo(f"\n{target.name}:CPU with {', '.join(target.cpus)}")
    for target in targets:
        if target.fix:
            click.echo(f"\nfix: {target.fix}")
    return 0


def _cells(target: Listed) -> tuple[str, ...]:
    return (
        target.name,
        target.state,
        ", ".join(target.formats) or "-",
        size(target.bytes) if target.bytes else "-",
        target.about,
    )
