"""`edgeproof diagnose`: at which operator does an artifact leave its source, and which line of the model made it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ...converters.errors import UsageError
from ...converters.writing import write_atomically
from ...validators.diagnosis.diagnose import Request, diagnose
from ...validators.diagnosis.report import DOCUMENT, Ending
from ...validators.reports.html_diagnosis import html_of_diagnosis
from ..diagnosis_text import write_diagnosis
from ..invocation import verbosity_of
from ..options import json_option, limit_options, verbosity_options
from ..progress import shown_progress
from ..request_options import limits_of
from ..source_options import SourceArguments, source_from, source_options

_EXAMPLES = """\b
Examples:
  an artifact that failed, against the factory that it was made of:
    edgeproof diagnose out/net.onnx.fp32.onnx --against model.py:build
  the same for a Keras file, and where to write what reproduces it:
    edgeproof diagnose out/net.litert.fp32.tflite --against net.keras -o fault"""


@click.command(name="diagnose", epilog=_EXAMPLES)
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--against", metavar="SOURCE", help="The source that the artifact was made of; it runs again.")
@source_options
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Where to write. [default: ARTIFACT.fault]"
)
@limit_options
@json_option
@verbosity_options
@click.pass_context
def command(context: click.Context, /, artifact: Path, against: str | None, as_json: bool, **given: Any) -> int:
    """Find the operator that an artifact gets wrong, and its line in the model.

    The source's program runs in float64, operator by operator, beside what the artifact's operators give. The first one
    that is off by more than rounding is named with its module and the line of the model, and a folder is written that
    reproduces it with one command, without the rest of the model. The exit code is 1 if there is one.
    """
    if against is None:
        raise UsageError(
            "a manifest names its source without a folder, so that it cannot be opened again from it",
            fix="name it with --against SOURCE",
        )
    request = Request(
        place=artifact,
        source=source_from(against, SourceArguments.of(given)),
        output=given["output"] or Path(f"{artifact.name}.fault"),
        limits=limits_of(given["jobs"], given["timeout"], given["memory"]),
    )
    with shown_progress(verbosity_of(context)) as listener:
        found = diagnose(request, on_progress=listener)
    if found.folder is not None:
        write_atomically(Path(found.folder) / "diagnosis.html", html_of_diagnosis(found).encode())
    if as_json:
        sys.stdout.write(DOCUMENT.encode(found).decode())
    else:
        write_diagnosis(found)
    return 0 if found.ending is Ending.NOTHING else 1
