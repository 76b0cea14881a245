"""`edgeproof bundle diff`: what changed between two bundles for an app that uses them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from ...validators.bundle.contents import read_contents
from ...validators.bundle.difference import DOCUMENT, difference
from ...validators.bundle.unpacking import unpack
from ..bundle_text import write_difference
from ..options import json_option, verbosity_options

_EXAMPLES = """\b
Examples:
  edgeproof bundle diff digits-1.zip digits-2.zip
  edgeproof bundle diff digits-1.zip digits-2.zip --json"""


@click.command(name="diff", epilog=_EXAMPLES)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@json_option
@verbosity_options
def command(old: Path, new: Path, as_json: bool) -> int:
    """Show what changed from the bundle OLD to the bundle NEW for an app that uses it.

    Exit code 1 if an app that works with OLD may not work, or compute something else, with NEW: signatures,
    preprocessing, labels, integers, operators, least runtime. Sizes, latency, other weights are told and break nothing.
    """
    with tempfile.TemporaryDirectory(prefix="edgeproof-bundle-") as scratch:
        folders = (Path(scratch) / "old", Path(scratch) / "new")
        for archive, folder in zip((old, new), folders, strict=True):
            folder.mkdir()
            unpack(archive, folder)
        found = difference(*map(read_contents, folders))
    if as_json:
        click.echo(DOCUMENT.encode(found).decode(), nl=False)
    else:
        write_difference(found)
    return 1 if found.breaks else 0
