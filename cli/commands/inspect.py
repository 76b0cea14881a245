"""`edgeproof inspect`: what is in an artifact or a checkpoint, without running it."""

from __future__ import annotations

from pathlib import Path

import click

from ...converters.inspection.checkpoint_findings import CheckpointInspection
from ...converters.inspection.documents import encode
from ...converters.inspection.inspect import inspect_path
from ..checkpoint_text import describe_checkpoint
from ..inspection_text import describe
from ..options import json_option, verbosity_options

_EXAMPLES = """\b
Examples:
  edgeproof inspect out/classifier.executorch.fp32.pte
  edgeproof inspect checkpoint.pth
  edgeproof inspect model.onnx --json"""


@click.command(name="inspect", epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@verbosity_options
def command(file: Path, as_json: bool) -> int:
    """Show what is in a checkpoint or artifact, without running it.

    FILE is recognised by its bytes. Of an artifact (TorchScript, ExecuTorch, LiteRT, ONNX): its signature, operators,
    backend partitions, sizes and versions; names that the file does not store come from the manifest.json beside it.
    Of a checkpoint (torch, safetensors, Keras, HDF5; folders of Transformers and SavedModel): who wrote it, its
    tensors, dictionaries and prefixes, and what it asks for that is not allowed.
    """
    found = inspect_path(file)
    if as_json:
        click.echo(encode(found).decode(), nl=False)
        return 0
    lines = describe_checkpoint(found) if isinstance(found, CheckpointInspection) else describe(found)
    click.echo("\n".join(lines))
    return 0
