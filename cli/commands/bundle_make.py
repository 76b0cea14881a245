"""`edgeproof bundle DIR`: make a bundle of what `edgeproof convert` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...validators.bundle.making import make_bundle
from ...validators.bundle.manifest import DOCUMENT, Platform
from ...validators.bundle.request import BundleRequest
from ..bundle_text import write_made
from ..invocation import verbosity_of
from ..options import json_option, limit_options, parse_names, verbosity_options
from ..progress import shown_progress
from ..request_options import limits_of

_EXAMPLES = """\b
Examples:
  edgeproof bundle out -o digits.zip
  edgeproof bundle out -o digits.zip --labels labels.txt --name "Digits" --version 2.1.0 --license MIT
  edgeproof bundle out -o digits.zip --platform android,micro --sign key.pem
  edgeproof bundle out -o digits.zip --allow digits.onnx.int8.onnx"""


@click.command(name="make", epilog=_EXAMPLES)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="NAME.zip", help="File to write. [default: NAME.zip]"
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@click.option(
    "--platform",
    multiple=True,
    metavar="P,...",
    help="What it is for: android, ios, linux-arm64, micro. [default: all that have an artifact]",
)
@click.option("--name", metavar="NAME", help="What the model is called. [default: the source's name]")
@click.option("--version", metavar="VERSION", help="Which version of it. [default: 0+ and a part of the source's hash]")
@click.option("--license", metavar="SPDX|FILE", help="Its licence: an SPDX expression, or a file with the text.")
@click.option("--labels", metavar="[OUTPUT=]FILE", help="The names of the classes, one a line.")
@click.option(
    "--preprocess",
    type=click.Path(path_type=Path),
    metavar="SPEC",
    help="A preprocessing specification, for samples that convert was given as arrays. (docs/preprocessing.md)",
)
@click.option(
    "--sign", type=click.Path(path_type=Path), metavar="KEY", help="Sign with this private key (PEM), offline."
)
@click.option("--allow", multiple=True, metavar="FILE", help="Take in an artifact without a PASS, and show that.")
@json_option
@limit_options
@verbosity_options
@click.pass_context
def command(context: click.Context, /, folder: Path, **given: Any) -> int:
    """Make a bundle of a folder that `edgeproof convert` wrote.

    Only artifacts with a PASS go in. Every one of them runs on this machine once more, as it is shipped. The same
    folder and options give the same bytes.
    """
    request = BundleRequest(
        folder=folder,
        output=given["output"] or Path(f"{folder.resolve().name.removesuffix('.edgeproof')}.zip"),
        platforms=tuple(map(Platform, parse_names(given["platform"], option="--platform", known=tuple(Platform)))),
        name=given["name"],
        version=given["version"],
        license=given["license"],
        labels=given["labels"],
        preprocess=given["preprocess"],
        key=given["sign"],
        allow=given["allow"],
        overwrite=given["overwrite"],
        limits=limits_of(given["jobs"], given["timeout"], given["memory"]),
    )
    with shown_progress(verbosity_of(context)) as listener:
        made = make_bundle(request, on_progress=listener)
    if given["as_json"]:
        click.echo(DOCUMENT.encode(made.manifest).decode(), nl=False)
    else:
        write_made(made)
    return 0
