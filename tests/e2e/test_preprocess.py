"""Real samples from a folder of files that a function of the user's reads, and what bad ones get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commands import Done, edgeproof

from edgeproof.converters.tensors import read_calls

pytestmark = pytest.mark.e2e

CODE = """
import numpy as np
import torch

def build():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1))
    return net, torch.rand(1, 3, 8, 8)

def load(path):
    with open(path, "rb") as file:
        pixels = np.frombuffer(file.read(), np.uint8)
    return pixels.reshape(1, 3, 8, 8).astype(np.float32) / 255

def bytes_as_they_are(path):
    return (load(path) * 255).astype(np.uint8)

def transposed(path):
    return load(path).transpose(0, 2, 3, 1)

def spoilt(path):
    pixels = load(path)
    if path.endswith("b.raw"):
        pixels[0, 0, 0, :3] = np.nan
    return pixels
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(CODE)
    (tmp_path / "photos").mkdir()
    for seed, name in enumerate(("b", "a", "c")):
        photo = np.random.default_rng(seed).integers(0, 256, 192).astype(np.uint8)
        (tmp_path / "photos" / f"{name}.raw").write_bytes(photo.tobytes())
    return tmp_path


def convert(folder: Path, *options: str) -> Done:
    return edgeproof("convert", "own.py:build", "--to", "torchscript", *options, "-o", "out", "-q", folder=folder)


def refused(done: Done, folder: Path, *words: str) -> None:
    assert done.code == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "fix:" in done.stderr
    for word in words:
        assert word in done.stderr
    assert not (folder / "out").exists()


def test_a_folder_of_files_is_judged_on_in_the_order_of_their_names(folder: Path) -> None:
    done = convert(folder, "--samples", "photos", "--preprocess", "own.py:load", "--json")
    assert done.code == 0, done.stdout + done.stderr
    report = done.document["report"]
    assert (report["real_samples"], report["real_calls"]) == (True, 3)
    first = next(iter(read_calls(folder / "out" / "golden" / "samples.npz")))
    pixels = np.frombuffer((folder / "photos" / "a.raw").read_bytes(), np.uint8).astype(np.float32)
    assert np.array_equal(first["input"].ravel(), pixels / 255)


def test_calibration_may_be_files_and_samples_an_npz(folder: Path) -> None:
    np.savez(folder / "test.npz", input=np.random.default_rng(0).random((2, 1, 3, 8, 8), np.float32))
    files = ("--calibration", "photos", "--samples", "test.npz", "--preprocess", "own.py:load")
    done = convert(folder, "--precision", "int8", *files, "--json")
    assert done.code == 0, done.stdout + done.stderr
    assert done.document["report"]["real_calls"] == 2
    assert any("only 3 calibration calls" in note for note in done.document["report"]["notes"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "there are none"),
        (("--samples", "own.py:build"), "gives calls as it is"),
        (("--samples", "gone"), "gone does not exist"),
    ],
)
def test_a_function_without_files_is_refused(options: tuple[str, ...], said: str, folder: Path) -> None:
    refused(convert(folder, *options, "--preprocess", "own.py:load"), folder, said)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("bytes_as_they_are", ("sample 0 (a.raw)", "'input' is uint8, the model takes float32")),
        ("transposed", ("sample 0 (a.raw)", "[1, 8, 8, 3]", "[1, 3, 8, 8]")),
        ("spoilt", ("sample 1 (b.raw)", "'input' is NaN or infinite in 3 of 192 elements")),
    ],
)
def test_a_file_that_becomes_no_call_is_named(function: str, said: tuple[str, ...], folder: Path) -> None:
    refused(convert(folder, "--samples", "photos", "--preprocess", f"own.py:{function}"), folder, *said)


def test_a_calibration_file_that_becomes_no_call_is_named_too(folder: Path) -> None:
    files = ("--calibration", "photos", "--preprocess", "own.py:spoilt")
    refused(convert(folder, "--precision", "int8", *files), folder, "calibration call 1 (b.raw) has NaN")


def test_a_file_that_the_function_cannot_read_is_named_with_the_users_line(folder: Path) -> None:
    (folder / "photos" / "b.raw").write_bytes(b"cut")
    done = convert(folder, "--samples", "photos", "--preprocess", "own.py:load")
    refused(done, folder, "own.py:load raised ValueError", "b.raw", "pixels.reshape(1, 3, 8, 8)")
