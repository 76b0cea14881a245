"""One conversion of a sample model, into every format in float32 and int8, that several files of tests look at."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import pytest
from commands import edgeproof

from edgeproof.sample_models.catalog import sample

PAIRS = sample("digit_pairs")
FORMATS = ("torchscript", "executorch", "litert", "onnx")


def converted_pairs(factory: pytest.TempPathFactory) -> Path:
    """The folder that convert wrote, once in a session: copy what is to be changed."""
    return _converted(factory.getbasetemp() / "pairs")


@cache
def _converted(folder: Path) -> Path:
    source = folder / "source"
    shutil.copytree(PAIRS.folder, source)
    arguments = (text.replace(str(PAIRS.folder), str(source)) for text in PAIRS.arguments())
    options = ("--precision", "fp32,int8", "--calibration", source / "calibration.npz", "-o", "out", "-q")
    done = edgeproof("convert", *arguments, *options, folder=folder)
    assert done.code == 0, done.stdout + done.stderr
    shutil.rmtree(source)  # nothing that was written needs it
    return folder / "out"


def artifact_in(folder: Path, format_name: str, precision: str = "fp32") -> Path:
    """The artifact of a format."""
    (found,) = folder.glob(f"*.{format_name}.{precision}.*")
    return found


def copied_with(converted: Path, folder: Path, *formats: str) -> Path:
    """A copy in which the manifest names the artifacts of these formats alone, as if no others had been asked for."""
    shutil.copytree(converted, folder)
    manifest = folder / "manifest.json"
    made = json.loads(manifest.read_text())
    made["artifacts"] = [artifact for artifact in made["artifacts"] if artifact["format"] in formats]
    manifest.write_text(json.dumps(made))
    for path in converted.iterdir():
        if path.is_file() and path.name.split(".")[1] in set(FORMATS) - set(formats):
            (folder / path.name).unlink()
    return folder
