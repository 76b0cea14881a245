"""A fault in the bytes of an artifact is found in the layer and the line that it is in, and can be seen again."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from commands import edgeproof
from converted_pairs import FORMATS, PAIRS, artifact_in, converted_pairs
from diagnosed import Case, Diagnosed, diagnosed
from safetensors.numpy import load_file

from edgeproof.cli.diagnosis_text import lines_of
from edgeproof.cli.main import run
from edgeproof.sample_models.catalog import sample
from edgeproof.validators.diagnosis.report import DOCUMENT

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# A convolution whose normalisation XNNPACK folds into it, and a dense layer behind a reshape, with its ReLU.
LAYERS = {
    "onnx": ("encoder.layers.8", 5),
    "executorch": ("encoder.layers.8", 5),
    "litert": ("encoder.layers.12", 7),
    "torchscript": ("encoder.layers.12", 7),
}
TUMOURS = sample("tumours")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Diagnosed]:
    """The diagnosis of every format."""
    converted, weights = converted_pairs(tmp_path_factory), load_file(PAIRS.folder / PAIRS.source)
    cases = [
        Case(
            converted=converted,
            format=name,
            against=PAIRS.arguments(),
            weights=weights[f"{layer}.weight"],
            channel=channel,
        )
        for name, (layer, channel) in LAYERS.items()
    ]
    return {case.format: diagnosed(case, tmp_path_factory.mktemp(case.format)) for case in cases}


def guilty_of(one: Diagnosed) -> dict[str, Any]:
    assert one.broken.document["ending"] == "located"
    guilty: dict[str, Any] = one.broken.document["guilty"]
    return guilty


@pytest.mark.parametrize("name", FORMATS)
def test_the_layer_that_was_broken_is_named_with_its_line(found: Mapping[str, Diagnosed], name: str) -> None:
    guilty = guilty_of(found[name])
    lines = (PAIRS.folder / "model.py").read_text().splitlines()
    (line,) = (number for number, text in enumerate(lines, 1) if "self.layers(image)" in text)
    assert (guilty["module"], guilty["line"]) == (LAYERS[name][0], f"model.py:{line}, in forward")


@pytest.mark.parametrize("name", FORMATS)
def test_values_on_both_sides_are_shown(found: Mapping[str, Diagnosed], name: str) -> None:
    document = found[name].broken.document
    shown = document["element"]
    assert shown["index"][1] == LAYERS[name][1], "the channel that was broken"
    assert 0 < abs(shown["actual"] / shown["reference"] - 1) < 0.1
    *before, last = document["hops"]
    assert [hop["exceeds"] for hop in before] == [False]
    assert last["exceeds"]
    text = "\n".join(lines_of(DOCUMENT.decode(json.dumps(document).encode(), name="printed")))
    assert f"source {shown['reference']:.9g}, artifact {shown['actual']:.9g}" in text


@pytest.mark.parametrize("name", FORMATS)
def test_the_folder_shows_the_fault_without_the_model(found: Mapping[str, Diagnosed], name: str) -> None:
    one = found[name]
    assert one.broken.document["reproduced"]
    kept = {path.stem for path in one.fault.iterdir()}
    assert kept == {"operator", "inputs", "expected", "facts", "reproduce", "diagnosis"}
    assert one.script.returncode == 1, one.script.stderr
    assert one.script.stdout.startswith("difference: ")
    assert f"{one.broken.document['element']['reference']:.9g} expected" in one.script.stdout


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_said_of_a_mended_artifact(found: Mapping[str, Diagnosed], name: str) -> None:
    mended = found[name].mended
    assert mended.code == 0, mended.stdout + mended.stderr
    document = mended.document
    assert (document["ending"], document["status"], document["guilty"]) == ("nothing", "PASS", None)
    assert not found[name].nothing.exists()


def test_the_layer_of_a_keras_model_is_named(tmp_path: Path) -> None:
    source = TUMOURS.folder / TUMOURS.source
    done = edgeproof("convert", source, "--to", "litert", "-o", "out", "-q", folder=tmp_path)
    assert done.code == 0, done.stdout + done.stderr
    name, weights = _dense_after_concatenation(source)
    case = Case(converted=tmp_path / "out", format="litert", against=(str(source),), weights=weights, channel=7)
    one = diagnosed(case, tmp_path)
    assert guilty_of(one)["module"] == name
    assert one.broken.document["element"]["index"] == [0, 7]
    assert one.script.returncode == 1, one.script.stderr
    assert one.mended.code == 0, one.mended.stdout + one.mended.stderr


def _dense_after_concatenation(source: Path) -> tuple[str, np.ndarray]:
    """The name of the layer, and its weights with the outputs first."""
    with zipfile.ZipFile(source) as archive:
        config = json.loads(archive.read("config.json"))
        stored = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
    layers = config["config"]["layers"]
    (joined,) = (layer["name"] for layer in layers if layer["class_name"] == "Concatenate")
    (name,) = (layer["name"] for layer in layers if joined in json.dumps(layer["inbound_nodes"]))
    return name, np.array(stored["layers/dense_2/vars/0"]).T


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit code of a diagnosis that is not begun, and the command that helps."""
    code = run(["diagnose", *map(str, arguments), "-q"])
    said = capsys.readouterr().err.splitlines()
    return code, next(line for line in said if line.startswith("fix: "))


def test_what_cannot_be_diagnosed_is_refused_in_words(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = converted_pairs(tmp_path_factory)
    artifact, against = artifact_in(folder, "onnx"), ("--against", *PAIRS.arguments())
    assert refused(capsys, artifact) == (2, "fix: name it with --against SOURCE")
    gone = (2, "fix: name a folder that `edgeproof convert` wrote")
    assert refused(capsys, folder / "gone" / "net.onnx", *against) == gone
    code, fix = refused(capsys, folder / "golden" / ".." / "parity.json", *against)
    assert (code, artifact.name in fix) == (2, True)
    rounded = artifact_in(folder, "onnx", "int8")
    assert refused(capsys, rounded, *against) == (4, "fix: `edgeproof verify --hops` says which step is at fault")
    (tmp_path / "mine").write_text("kept")
    full = (2, "fix: choose another folder with -o, or remove it")
    assert refused(capsys, artifact, *against, "-o", tmp_path) == full
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
