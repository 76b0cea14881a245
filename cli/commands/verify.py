"""`edgeproof verify`: judge artifacts that exist already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...converters.errors import UsageError
from ...converters.source import Source
from ...validators.parity import exit_code
from ...validators.verification import Verification, verify
from ..invocation import verbosity_of
from ..options import json_option, limit_options, parse_names, report_option, verbosity_options
from ..output import write_outcome
from ..progress import shown_progress
from ..reports import parse_reports, write_reports
from ..request_options import TARGETS, limits_of
from ..source_options import SourceArguments, source_from, source_options

_EXAMPLES = """\b
Examples:
  against the outputs that convert stored:
    edgeproof verify classifier.edgeproof
  one artifact, for a continuous integration server:
    edgeproof verify out/net.onnx.fp32.onnx --report junit=parity.xml,md=parity.md
  against the source, which runs again:
    edgeproof verify out --against model.py:build"""


@click.command(name="verify", epilog=_EXAMPLES)
@click.argument("place", metavar="DIR|ARTIFACT", type=click.Path(path_type=Path))
@click.option("--against", metavar="SOURCE", help="Run this source again. [default: its stored outputs]")
@source_options
@click.option("--on", multiple=True, default=("host",), metavar="TARGET,...", help="Where to verify. [default: host]")
@report_option
@limit_options
@json_option
@verbosity_options
@click.pass_context
def command(context: click.Context, /, place: Path, as_json: bool, **given: Any) -> int:
    """Judge artifacts again, without converting.

    DIR is a folder that `edgeproof convert` wrote, ARTIFACT one file in it. They run on the stored samples; a
    file that is not the one that was written fails. Nothing in the folder is changed.
    """
    reports = parse_reports(given["report"])
    request = Verification(
        place=place,
        against=_source(given["against"], SourceArguments.of(given)),
        targets=parse_names(given["on"], option="--on", known=TARGETS),
        limits=limits_of(given["jobs"], given["timeout"], given["memory"]),
    )
    with shown_progress(verbosity_of(context)) as listener:
        outcome = verify(request, on_progress=listener)
    write_reports(outcome.report, reports)
    write_outcome(outcome, as_json=as_json, folder=outcome.folder)
    return exit_code(outcome.report)


def _source(against: str | None, given: SourceArguments) -> Source | None:
    if against is None:
        if given.given:
            raise UsageError(
                f"{given.given[0]} describes a source, and none is named", fix="name it with --against SOURCE"
            )
        return None
    return source_from(against, given)
