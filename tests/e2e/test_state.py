"""A model that carries state is judged call by call and with its own state, which shows what adds up on the way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Done, edgeproof
from converted_pairs import artifact_in
from planted_bytes import put, sign_again

from edgeproof.cli.main import run

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SOURCE = Path(__file__).resolve().parents[1] / "support" / "tiny_state_source.py"
STEPS = 64
DRIFT = np.arange(1, 9, dtype=np.float32) / 512  # what the model adds to its state in every call
# Three roundings of the state: too little to be seen in one call, and always to the same side.
FAULT = np.float32(4e-7)


def samples(path: Path) -> None:
    """Steps that undo one another, so that the state stays as large as it is in a single call."""
    generator = np.random.default_rng(0)
    x = np.repeat(generator.standard_normal((STEPS // 2, 1, 4)), 2, axis=0)
    x[1::2] *= -1
    np.savez(path, x=x.astype("f4"), state=generator.standard_normal((STEPS, 1, 8)).astype("f4"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("state")
    shutil.copyfile(SOURCE, made / "model.py")
    samples(made / "steps.npz")
    return made


@pytest.fixture(scope="module")
def converted(folder: Path) -> Mapping[str, Done]:
    """What convert said, without and with the state named; it wrote `open` and `closed`."""

    def convert(name: str, *options: str) -> Done:
        ask = ("convert", "model.py:build", "--to", "onnx", "--samples", "steps.npz", "-o", name, "--json", "-q")
        return edgeproof(*ask, *options, folder=folder)

    with ThreadPoolExecutor(2) as pool:
        alone, looped = pool.submit(convert, "open"), pool.submit(convert, "closed", "--state", "new=state")
        return {"open": alone.result(), "closed": looped.result()}


def with_fault(folder: Path, name: str, copy: Path) -> Done:
    """What verify says of a copy whose artifact adds a little more to the state than the source."""
    shutil.copytree(folder / name, copy)
    artifact = artifact_in(copy, "onnx")
    put(artifact, DRIFT, DRIFT + FAULT)
    sign_again(artifact)
    return edgeproof("verify", copy, "--json", "-q", folder=copy.parent)


def row_of(done: Done) -> dict[str, Any]:
    (row,) = done.document["report"]["results"]
    return dict(row)


def largest_multiple(done: Done) -> float:
    """Of the noise floor, over all outputs."""
    return max(check["value"] for output in row_of(done)["outputs"] for check in output["checks"])


def test_a_correct_artifact_passes_call_by_call_and_with_its_own_state(
    folder: Path, converted: Mapping[str, Done]
) -> None:
    assert [converted[name].code for name in ("open", "closed")] == [0, 0], converted["closed"].stderr
    alone, looped = (converted[name].document["report"] for name in ("open", "closed"))
    assert looped["samples"] == alone["samples"] + STEPS, "the sequence comes after the calls"
    feedback = json.loads((folder / "closed" / "manifest.json").read_text())["feedback"]
    assert feedback == {"start": alone["samples"], "state": {"state": "new"}}
    assert "--state new=state" in " ".join(alone["notes"])
    assert "--state" not in " ".join(looped["notes"])


def test_a_fault_that_no_single_call_shows_adds_up_in_the_state(
    folder: Path, converted: Mapping[str, Done], tmp_path: Path
) -> None:
    assert converted["closed"].code == 0
    alone, looped = (with_fault(folder, name, tmp_path / name) for name in ("open", "closed"))
    assert (alone.code, row_of(alone)["status"]) == (0, "PASS"), "call by call it hides in the rounding"
    assert (looped.code, row_of(looped)["status"]) == (1, "FAIL")
    assert {output["name"]: output["status"] for output in row_of(looped)["outputs"]} == {
        "scores": "FAIL",
        "new": "FAIL",
    }
    assert row_of(looped)["code"] == "tolerance"
    assert largest_multiple(looped) > 3 * largest_multiple(alone)
    assert [hop["exceeds"] for hop in row_of(looped)["hops"]] == [False, True]


def test_state_under_other_names_is_refused_in_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = edgeproof("convert", "model.py:build", "--to", "onnx", "--state", "hidden=state", "-q", folder=folder)
    assert done.code == 2
    wrong = "error: --state hidden=state: the model has the outputs scores, new and the inputs x, state"
    assert wrong in done.stderr
    assert "fix: write --state OUTPUT=INPUT with these names" in done.stderr
    assert run(["convert", str(folder / "model.py:build"), "--state", "new", "-q"]) == 2
    assert "fix: write --state OUTPUT=INPUT" in capsys.readouterr().err
