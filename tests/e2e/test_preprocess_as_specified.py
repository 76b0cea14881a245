"""A trained Keras model on PNG files that a specification turns into samples, and on what it cannot turn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import edgeproof
from PIL import Image

from edgeproof.converters import manifest
from edgeproof.converters.manifest import file_sha256
from edgeproof.converters.preprocessing.reading import inputs_of
from edgeproof.converters.preprocessing.spec import ImageSpec, read_spec
from edgeproof.converters.spread import SAMPLES, spread
from edgeproof.converters.tensors import read_calls

pytestmark = pytest.mark.e2e

FACES = Path(__file__).resolve().parents[2] / "sample_models" / "faces_cnn"
SAID = {
    "schema": 1,
    "kind": "image",
    "input": "image",
    "colours": "grey",
    "resize": {"size": [25, 25], "filter": "bicubic"},
    "layout": "nhwc",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten images, larger than the model's, and what `convert` made with them."""
    place = tmp_path_factory.mktemp("faces")
    (place / "photos").mkdir()
    with np.load(FACES / "evaluation.npz") as arrays:
        images = np.rint(arrays["image"][:10, :, :, 0] * 255).astype(np.uint8)
    for index, image in enumerate(images):
        Image.fromarray(image).resize((40, 33 + index)).save(place / "photos" / f"{index:02}.png")
    (place / "preprocess.json").write_text(json.dumps(SAID))
    options = ("--samples", "photos", "--preprocess", "preprocess.json", "--calibration", "photos", "-o", "out", "-q")
    done = edgeproof("convert", FACES / "model.keras", "--to", "onnx", *options, folder=place)
    assert done.code == 0, done.stdout + done.stderr
    return place


def test_the_originals_give_the_samples_again_bit_for_bit(folder: Path) -> None:
    spec = read_spec(folder / "out" / "preprocess.json")
    assert isinstance(spec, ImageSpec)
    originals = [*read_calls(folder / "out" / "golden" / "originals.npz")]
    samples = [*read_calls(folder / "out" / "golden" / "samples.npz")]
    places = spread(range(10), SAMPLES)
    assert [original["pixels"].shape for original in originals] == [(33 + place, 40, 3) for place in places]
    for original, sample in zip(originals, (samples[place] for place in places), strict=True):
        again = inputs_of(spec, original, folder=folder / "out")
        assert again["image"].tobytes() == sample["image"].tobytes()
        assert again["image"].shape == sample["image"].shape == (1, 25, 25, 1)


def test_the_manifest_has_the_hashes_of_all_that_went_in(folder: Path) -> None:
    made = manifest.read(folder / "out")
    assert made.preprocess == file_sha256(folder / "out" / "preprocess.json")
    assert made.golden["originals.npz"] == file_sha256(folder / "out" / "golden" / "originals.npz")
    assert made.calibration_sha256 is not None


def test_originals_that_changed_are_found(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "out", tmp_path / "out")
    assert edgeproof("verify", "out", "-q", folder=tmp_path).code == 0
    path = tmp_path / "out" / "golden" / "originals.npz"
    path.write_bytes(path.read_bytes() + b"x")
    done = edgeproof("verify", "out", "-q", folder=tmp_path)
    assert done.code == 2
    assert "originals.npz is not the file that was written" in done.stderr


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"layout": "nchw"}, ("shape [1, 1, 25, 25], the model takes [1, 25, 25, 1]", '"layout": "nhwc"')),
        ({"divisor": 0}, ("preprocess.json: by a divisor of 0.0",)),
    ],
)
def test_a_specification_that_contradicts_the_model_or_itself_writes_nothing(
    changed: dict[str, object], words: tuple[str, ...], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "preprocess.json").write_text(json.dumps({**SAID, **changed}))
    options = ("--samples", folder / "photos", "--preprocess", "preprocess.json", "-o", "out", "-q")
    done = edgeproof("convert", FACES / "model.keras", "--to", "onnx", *options, folder=tmp_path)
    assert done.code == 2
    assert "fix:" in done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "out").exists()
