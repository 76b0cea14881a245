"""`edgeproof targets remove`: remove what was prepared."""

from __future__ import annotations

from typing import Any

import click

from ...validators.reports.wording import size
from ...validators.targets import micro
from ...validators.targets.prepared import PREPARED, store_of
from ..options import verbosity_options


@click.command(name="remove")
@click.argument("name", metavar="TARGET", type=click.Choice((*PREPARED, micro.NAME)))
@verbosity_options
def command(name: str, **_given: Any) -> int:
    """Remove what `targets install` prepared; nothing else on this machine has changed."""
    freed = micro.remove() if name == micro.NAME else store_of(name).store.remove()
    click.echo(f"removed {size(freed)}" if freed else f"{name} was not prepared")
    return 0
