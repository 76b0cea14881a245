"""`edgeproof inspect`: what is in an artifact, without running it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ...converters.inspection.findings import Inspection
from ...converters.inspection.inspect import inspect_artifact
from ..inspection_text import describe
from ..options import json_option, verbosity_options

_SCHEMA = 1
_EXAMPLES = """\b
Examples:
  edgeproof inspect out/classifier.executorch.fp32.pte
  edgeproof inspect model.onnx --json"""


@click.command(name="inspect", epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@verbosity_options
def command(file: Path, as_json: bool) -> int:
    """Show what is in an artifact, without running it.

    FILE is a TorchScript, ExecuTorch, LiteRT or ONNX file, recognised by its bytes: its signature, operators,
    backend partitions, sizes and versions. Names that the file does not store come from the manifest.json beside it.
    """
    found = inspect_artifact(file)
    click.echo(json.dumps(_document(found), indent=2) if as_json else "\n".join(describe(found)))
    return 0


def _document(found: Inspection) -> dict[str, Any]:
    document = asdict(found)
    contents = document.pop("contents")
    return {"schema": _SCHEMA, **document, **contents, "undelegated": found.undelegated}
