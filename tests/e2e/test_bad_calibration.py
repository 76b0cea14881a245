"""What bad calibration, budgets and recipes get: a clear error, its exit code, and float artifacts unharmed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Done, edgeproof

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MODEL = """
import torch

class Net(torch.nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.body = torch.nn.Conv2d(3, 8, 3)
        self.next = torch.nn.Conv2d(8, 8, 3)
        self.head = torch.nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.next(self.body(x).relu()).relu().mean((2, 3)))

def build(seed=0):
    return Net(int(seed)), torch.rand(1, 3, 10, 10)

class Broken(Net):
    def forward(self, x):
        return self.head(self.next(self.body(x).log()).mean((2, 3)))

def broken():
    return Broken(0), torch.rand(1, 3, 10, 10)

class Sine(torch.nn.Module):
    def forward(self, x):
        return torch.sin(x)

def sine():
    return Sine(), torch.rand(1, 3, 10, 10)

class Text(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = torch.nn.Embedding(20, 16)
        self.head = torch.nn.Linear(16, 4)

    def forward(self, ids):
        return self.head(self.table(ids).mean(1))

def text():
    return Text(), torch.arange(6).reshape(1, 6)
"""
TO = ("--to", "torchscript,onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    stored(tmp_path, "real.npz", x=images(24))
    return tmp_path


def images(count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(1).random((count, 1, 3, 10, 10), np.float32)


def stored(folder: Path, name: str, **arrays: Any) -> str:
    np.savez(folder / name, **arrays)
    return name


def convert(folder: Path, source: str, *options: str) -> Done:
    return edgeproof("convert", source, *TO, *options, "-o", "out", "-q", "--json", folder=folder)


def rows(done: Done) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["format"], row["precision"]): row for row in done.document["report"]["results"]}


def refused(done: Done, folder: Path, *words: str) -> None:
    """Nothing was made, and the user knows why."""
    assert done.code == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "fix:" in done.stderr
    for word in words:
        assert word in done.stderr
    assert not (folder / "out").exists()


def float_unharmed(done: Done, folder: Path, precision: str, status: str, *words: str) -> None:
    """The fp32 artifacts passed and lie there; those of the precision failed with a reason and a fix."""
    found = rows(done)
    for name in ("torchscript", "onnx"):
        assert found[name, "fp32"]["status"] == "PASS"
        assert (folder / "out" / found[name, "fp32"]["file"]).exists()
        failed = found[name, precision]
        assert failed["status"] == status
        assert failed["fix"]
        assert not (folder / "out" / failed["file"]).exists()
        for word in words:
            assert word in failed["reason"]
    made = json.loads((folder / "out" / "manifest.json").read_text())
    assert [record["precision"] for record in made["artifacts"]] == ["fp32", "fp32"]


def nan_images() -> np.ndarray[Any, np.dtype[np.float32]]:
    found = images(24)
    found[5, 0, 1, 2, 3] = np.nan
    return found


CALIBRATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({"x": np.zeros((0, 1, 3, 10, 10), np.float32)}, "neither one call"),
    "nan": ({"x": nan_images()}, "calibration call 5 has NaN"),
    "constant": ({"x": np.ones((24, 1, 3, 10, 10), np.float32)}, "same value everywhere"),
    "another shape": ({"x": np.zeros((24, 1, 3, 9, 9), np.float32)}, "[24, 1, 3, 9, 9]"),
    "another layout": ({"x": np.zeros((24, 1, 10, 10, 3), np.float32)}, "[24, 1, 10, 10, 3]"),
    "another dtype": ({"x": np.zeros((24, 1, 3, 10, 10), np.uint8)}, "uint8"),
    "another name": ({"image": images(24)}, "image"),
}


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_calibration_that_fits_no_model_is_refused(name: str, folder: Path) -> None:
    arrays, said = CALIBRATIONS[name]
    stored(folder, "bad.npz", **arrays)
    refused(convert(folder, "model.py:build", "--precision", "fp32,int8", "--calibration", "bad.npz"), folder, said)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive"])
def test_calibration_that_cannot_be_read_is_refused(content: bytes, folder: Path) -> None:
    (folder / "bad.npz").write_bytes(content)
    refused(convert(folder, "model.py:build", "--precision", "int8", "--calibration", "bad.npz"), folder, "bad.npz")


def test_int8_without_calibration_is_refused(folder: Path) -> None:
    refused(convert(folder, "model.py:build", "--precision", "fp32,int8"), folder, "--calibration FILE", "int8-dynamic")


def test_a_model_that_makes_nan_of_its_calibration_is_told_where(folder: Path) -> None:
    stored(folder, "negative.npz", x=images(24) - 0.5)
    done = convert(folder, "model.py:broken", "--precision", "int8", "--calibration", "negative.npz", "--no-verify")
    assert done.code == 3, done.stdout + done.stderr
    for row in rows(done).values():
        assert row["status"] == "QUANTIZE_FAIL"
        assert "NaN or infinity at log" in row["reason"]


def test_a_budget_that_cannot_be_met_names_the_best(folder: Path) -> None:
    done = convert(
        folder, "model.py:build", "--precision", "fp32,int8", "--calibration", "real.npz", "--max-drop", "900dB"
    )
    assert done.code == 3, done.stdout + done.stderr
    float_unharmed(done, folder, "int8", "QUANTIZE_FAIL", "at least 900 dB", "the outputs keep")


SCORE = """
def accuracy(outputs, labels):
    return (next(iter(outputs.values())).argmax(-1) == labels["label"]).mean()
"""


def test_a_score_of_the_users_is_the_budget(folder: Path) -> None:
    (folder / "score.py").write_text(SCORE)
    stored(folder, "labelled.npz", x=images(24), label=np.arange(24) % 4)
    given = ("--precision", "fp32,int8", "--calibration", "labelled.npz", "--samples", "labelled.npz")
    done = convert(folder, "model.py:build", *given, "--max-drop", "score.py:accuracy=0.2")
    assert done.code == 0, done.stdout + done.stderr
    for (_, precision), row in rows(done).items():
        if precision == "fp32":
            assert row["score"] is None
        else:
            assert row["score"]["source"] - row["score"]["artifact"] <= 0.2
            assert any(note.startswith("score.py:accuracy: source ") for note in row["notes"])


def test_a_recipe_within_a_score_is_not_used_unscored(folder: Path) -> None:
    (folder / "score.py").write_text(SCORE)
    stored(folder, "labelled.npz", x=images(24), label=np.arange(24) % 4)
    samples, budget = ("--samples", "labelled.npz"), ("--max-drop", "score.py:accuracy=0.2")
    given = ("--precision", "int8", *samples, "--to", "onnx")
    made = convert(folder, "model.py:build", *given, "--calibration", "labelled.npz", *budget)
    assert made.code == 0, made.stdout + made.stderr
    shutil.copytree(folder / "out" / "recipes", folder / "kept")
    (recipe,) = (folder / "kept").glob("*.recipe.json")
    again = (*given, "--recipe", str(recipe), "--overwrite")
    unscored = convert(folder, "model.py:build", *again)
    assert unscored.code == 2
    assert {row["status"] for row in rows(unscored).values()} == {"CONVERT_FAIL"}
    assert "--max-drop" in rows(unscored)["onnx", "int8"]["fix"]
    scored = convert(folder, "model.py:build", *again, *budget)
    assert scored.code == 0, scored.stdout + scored.stderr
    assert rows(scored)["onnx", "int8"]["score"]


def test_a_score_without_labels_is_refused(folder: Path) -> None:
    (folder / "score.py").write_text(SCORE)
    given = ("--precision", "int8", "--calibration", "real.npz", "--samples", "real.npz")
    done = convert(folder, "model.py:build", *given, "--max-drop", "score.py:accuracy=0.2")
    refused(done, folder, "holds no labels", "label_")


def test_a_model_with_nothing_to_quantise_leaves_float_unharmed(folder: Path) -> None:
    done = convert(folder, "model.py:sine", "--precision", "fp32,int8", "--calibration", "real.npz")
    assert done.code == 3, done.stdout + done.stderr
    float_unharmed(done, folder, "int8", "QUANTIZE_FAIL", "no convolution, matrix product or embedding")


def test_recipes_that_do_not_fit_leave_float_unharmed(folder: Path) -> None:
    made = convert(folder, "model.py:build", "--precision", "int8", "--calibration", "real.npz")
    assert made.code == 0, made.stdout + made.stderr
    (recipe,) = (folder / "out" / "recipes").glob("*.recipe.json")
    shutil.copytree(recipe.parent, folder / "kept")
    given = ("--recipe", f"kept/{recipe.name}", "--overwrite")

    again = convert(folder, "model.py:build", "--precision", "fp32,int8", *given)
    assert again.code == 0, again.stdout + again.stderr
    assert (folder / "out" / "recipes" / recipe.name).read_bytes() == (folder / "kept" / recipe.name).read_bytes()

    other = convert(folder, "model.py:build", "--model-arg", "seed=7", "--precision", "fp32,int8", *given)
    assert other.code in {2, 3}
    float_unharmed(other, folder, "int8", "CONVERT_FAIL", "made for another model")

    another = convert(folder, "model.py:build", "--precision", "fp32,int8-weights", *given)
    assert another.code in {2, 3}
    float_unharmed(another, folder, "int8-weights", "CONVERT_FAIL", "recipe is for int8")

    (folder / "kept" / recipe.name).write_text("{}")
    damaged = convert(folder, "model.py:build", "--precision", "fp32,int8", *given)
    assert damaged.code in {2, 3}
    float_unharmed(damaged, folder, "int8", "CONVERT_FAIL", "cannot be read as a recipe")


def test_inputs_of_integers_alone_are_calibrated(folder: Path) -> None:
    ids = np.random.default_rng(2).integers(0, 20, (24, 1, 6))
    stored(folder, "ids.npz", ids=ids)
    done = convert(
        folder, "model.py:text", "--precision", "fp32,int8", "--calibration", "ids.npz", "--samples", "ids.npz"
    )
    assert done.code == 0, done.stdout + done.stderr


def test_real_calls_of_one_size_leave_an_open_batch_to_the_probes(folder: Path) -> None:
    given = ("--precision", "fp16,int8", "--calibration", "real.npz", "--samples", "real.npz")
    done = convert(folder, "model.py:build", *given, "--dynamic", "x.0=1..4")
    assert done.code == 0, done.stdout + done.stderr
    assert {row["status"] for row in rows(done).values()} == {"PASS"}
    assert any("100.0 % of the multiply-accumulates" in note for note in rows(done)["onnx", "int8"]["notes"])


def test_few_calls_and_another_range_are_noted(folder: Path) -> None:
    stored(folder, "few.npz", x=images(3))
    stored(folder, "loud.npz", x=255 * images(3))
    options = ("--calibration", "few.npz", "--samples", "loud.npz", "--no-verify", "--precision", "int8")
    done = convert(folder, "model.py:build", *(option for option in options if option not in {"--samples", "loud.npz"}))
    assert any("only 3 calibration calls" in note for note in done.document["report"]["notes"])
    verified = convert(folder, "model.py:build", "--overwrite", *(each for each in options if each != "--no-verify"))
    notes = verified.document["report"]["notes"]
    assert any("what is outside is clipped" in note for note in notes)
