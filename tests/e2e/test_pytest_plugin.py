"""assert_parity in the tests of somebody who has edgeproof installed, on real artifacts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import edgeproof

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MODEL = """
import torch

def build():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4)), (torch.ones(1, 8),)

def another():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4)), (torch.ones(1, 8),)
"""
# The plugins that come with the frameworks are left out, as in our own tests: one of them warns while it is imported.
SETTINGS = """
[pytest]
addopts = -q -rA --strict-markers -p no:anyio -p no:jaxtyping -p no:cacheprovider
filterwarnings = error
"""
TESTS = """
import numpy as np
import pytest

FRESH = {"input": np.random.default_rng(5).standard_normal((6, 1, 8)).astype("f4")}


def test_one_artifact(assert_parity):
    report = assert_parity("out/net.onnx.fp32.onnx")
    assert [row.format for row in report.results] == ["onnx"]


def test_all_against_the_source_on_other_samples(assert_parity):
    report = assert_parity("out", source="net.py:build", samples=FRESH)
    assert {row.precision for row in report.results} == {"fp32", "int8"}
    assert report.real_samples
    assert report.real_calls == 6


def test_another_source(assert_parity):
    assert_parity("out/net.onnx.fp32.onnx", source="net.py:another", samples="fresh.npz")


def test_a_changed_file(assert_parity):
    assert_parity("changed/net.onnx.fp32.onnx")


def test_samples_without_a_source(assert_parity):
    assert_parity("out", samples=FRESH)


def test_samples_of_another_shape(assert_parity):
    assert_parity("out", source="net.py:build", samples={"input": FRESH["input"][..., :7]})
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, its artifacts and tests of them."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "net.py").write_text(MODEL)
    (folder / "test_parity.py").write_text(TESTS)
    (folder / "pytest.ini").write_text(SETTINGS)
    values = np.random.default_rng(0).standard_normal((48, 1, 8)).astype("f4")
    np.savez(folder / "real.npz", input=values)
    np.savez(folder / "fresh.npz", input=values[:4])
    options = ("--to", "onnx,torchscript", "--precision", "fp32,int8", "--calibration", "real.npz", "-o", "out", "-q")
    done = edgeproof("convert", "net.py:build", *options, folder=folder)
    assert done.code == 0, done.stdout + done.stderr
    shutil.copytree(folder / "out", folder / "changed")
    artifact = folder / "changed" / "net.onnx.fp32.onnx"
    artifact.write_bytes(artifact.read_bytes() + b"\0")
    return folder


@pytest.fixture(scope="module")
def shown(project: Path) -> str:
    """What pytest shows; nothing but the installed distribution brings the fixture."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest"], cwd=project, env={**environment, "COLUMNS": "200"},
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["one_artifact", "all_against_the_source_on_other_samples"])
def test_what_computes_the_same_passes(name: str, shown: str) -> None:
    assert f"PASSED test_parity.py::test_{name}" in shown


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("another_source", "AssertionError: FAIL: 0 of 1 artifacts passed"),
        ("a_changed_file", "AssertionError: FAIL: 0 of 1 artifacts passed"),
        ("samples_without_a_source", "UsageError: other samples are judged beside a source"),
        ("samples_of_another_shape", "InputError: "),
    ],
)
def test_everything_else_fails_with_words(name: str, said: str, shown: str) -> None:
    [line] = [line for line in shown.splitlines() if line.startswith(f"FAILED test_parity.py::test_{name} ")]
    assert said.partition(":")[0] in line
    assert said in shown


def test_the_words_have_the_output_figures_limit_and_fix(shown: str) -> None:
    text = shown.partition("test_another_source")[2].partition("test_a_changed_file")[0]
    assert "net.onnx.fp32.onnx on host (tolerance): 'output' is too far from the source" in text
    assert "output 'output': FAIL over" in text
    assert ", limit " in text
    assert "fix: " in text
    assert "in require_parity" not in text


def test_verify_takes_other_samples_too(project: Path) -> None:
    ask = ("verify", "out", "--against", "net.py:build", "--samples", "fresh.npz", "--json", "-q")
    done = edgeproof(*ask, folder=project)
    assert done.code == 0, done.stdout + done.stderr
    assert done.document["report"]["real_calls"] == 4
    other = edgeproof(*("net.py:another" if word == "net.py:build" else word for word in ask), folder=project)
    assert other.code == 1
    codes = {(row["precision"], row["code"]) for row in other.document["report"]["results"]}
    assert ("fp32", "tolerance") in codes
    assert edgeproof("verify", "out", "--samples", "fresh.npz", folder=project).code == 2
