"""`edgeproof bundle verify`: check a bundle and run everything in it, on any machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...validators.bundle.verification import DOCUMENT, BundleVerification, verify_bundle
from ..bundle_text import write_verdict
from ..invocation import verbosity_of
from ..options import json_option, limit_options, report_option, verbosity_options
from ..progress import shown_progress
from ..reports import parse_reports, write_reports
from ..request_options import limits_of, parse_targets

_EXAMPLES = """\b
Examples:
  edgeproof bundle verify digits.zip
  edgeproof bundle verify digits.zip --on host,arm64:cortex-a76 --key key.pub"""


@click.command(name="verify", epilog=_EXAMPLES)
@click.argument("archive", metavar="NAME.zip", type=click.Path(path_type=Path))
@click.option("--on", multiple=True, default=("host",), metavar="TARGET,...", help="Where to run. [default: host]")
@click.option(
    "--key", type=click.Path(path_type=Path), metavar="PUB", help="The public key (PEM) that must have signed it."
)
@report_option
@json_option
@limit_options
@verbosity_options
@click.pass_context
def command(context: click.Context, /, archive: Path, **given: Any) -> int:
    """Check a bundle's bytes, signature and contents, then load and replay every artifact.

    It needs the runtimes of the artifacts, and neither the source nor its framework. Nothing of the bundle runs before
    all of its bytes are known to be those that were packed.
    """
    reports = parse_reports(given["report"])
    request = BundleVerification(
        archive=archive,
        targets=parse_targets(given["on"]),
        key=given["key"],
        limits=limits_of(given["jobs"], given["timeout"], given["memory"]),
    )
    with shown_progress(verbosity_of(context)) as listener:
        verdict = verify_bundle(request, on_progress=listener)
    write_reports(verdict.report, reports)
    if given["as_json"]:
        click.echo(DOCUMENT.encode(verdict).decode(), nl=False)
    else:
        write_verdict(verdict)
    return verdict.exit_code
