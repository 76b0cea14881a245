"""`edgeproof verify`: judge artifacts that exist already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...converters import manifest
from ...converters.errors import UsageError
from ...converters.source import Source
from ...validators.baseline import Baseline, read_baseline
from ...validators.parity import exit_code
from ...validators.verification import Verification, folder_of, verify
from ..invocation import verbosity_of
from ..options import hops_option, limit_options, publishing_options, verbosity_options
from ..progress import shown_progress
from ..publishing import Publishing
from ..request_options import limits_of, parse_targets
from ..source_options import SourceArguments, source_from, source_options

_EXAMPLES = """\b
Examples:
  against the outputs that convert stored:
    edgeproof verify classifier.edgeproof
  one artifact, for a continuous integration server:
    edgeproof verify out/net.onnx.fp32.onnx --github --report junit=parity.xml,md=parity.md
  beside an earlier run, which is tightened by what is better:
    edgeproof verify out --baseline net.baseline.json --update-baseline
  against the source, which runs again:
    edgeproof verify out --against model.py:build
  against the source, on other samples:
    edgeproof verify out --against model.py:build --samples fresh.npz"""


@click.command(name="verify", epilog=_EXAMPLES)
@click.argument("place", metavar="DIR|ARTIFACT", type=click.Path(path_type=Path))
@click.option("--against", metavar="SOURCE", help="Run this source again. [default: its stored outputs]")
@click.option(
    "--samples",
    type=click.Path(path_type=Path),
    metavar="SAMPLES",
    help="Judge on these inputs instead of the stored ones: x.npz or a folder of them; needs --against.",
)
@source_options
@click.option("--on", multiple=True, default=("host",), metavar="TARGET,...", help="Where to verify. [default: host]")
@hops_option
@publishing_options
@limit_options
@verbosity_options
@click.pass_context
def command(context: click.Context, /, place: Path, **given: Any) -> int:
    """Judge artifacts again, without converting.

    DIR is a folder that `edgeproof convert` wrote, ARTIFACT one file in it. They run on the stored samples; a
    file that is not the one that was written fails. Nothing in the folder is changed.
    """
    publishing = Publishing.taken_from(given)
    with publishing.announced():
        request = Verification(
            place=place,
            against=_source(given["against"], SourceArguments.of(given)),
            samples=given["samples"],
            hops=given["hops"],
            targets=parse_targets(given["on"]),
            limits=limits_of(given["jobs"], given["timeout"], given["memory"]),
        )
        baseline = _baseline(place, publishing)
        with shown_progress(verbosity_of(context)) as listener:
            outcome = verify(request, on_progress=listener)
        return publishing.publish(outcome, code=exit_code(outcome.report), baseline=baseline)


def _baseline(place: Path, publishing: Publishing) -> Baseline | None:
    """What the artifacts at `place` are compared with; raises InputError if it is of another source."""
    if publishing.baseline is None:
        return None
    folder, only = folder_of(place)
    baseline = read_baseline(publishing.baseline, update=publishing.update, folder=folder, only=only)
    baseline.require_source(manifest.read(folder).source.sha256)
    return baseline


def _source(against: str | None, given: SourceArguments) -> Source | None:
    if against is None:
        if given.given:
            raise UsageError(
                f"{given.given[0]} describes a source, and none is named", fix="name it with --against SOURCE"
            )
        return None
    return source_from(against, given)
