"""A source that does not run in float64 is judged by its own jitter: that is said, and a fault is still found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Done, edgeproof
from converted_pairs import artifact_in
from planted_bytes import plant, sign_again

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# torch.export follows no branch that depends on values, so that there is no program to run in float64.
MODEL = """
import torch
from torch import nn

class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(16, 24), nn.Linear(24, 12)
        places = torch.arange(24 * 16).reshape(24, 16)
        self.first.weight = nn.Parameter((places * places * 37 % 997 - 498) / 2000)

    def forward(self, x):
        hidden = torch.relu(self.first(x))
        if x.mean() > 0:
            hidden = hidden * 2
        return self.second(hidden)

def build():
    torch.manual_seed(0)
    return Branches(), torch.randn(2, 16)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("jitter")
    (made / "model.py").write_text(MODEL)
    return made


@pytest.fixture(scope="module")
def converted(folder: Path) -> Done:
    ask = ("convert", "model.py:build", "--to", "torchscript", "-o", "out", "--json", "-q")
    return edgeproof(*ask, folder=folder)


def only_row(done: Done) -> dict[str, Any]:
    (row,) = done.document["report"]["results"]
    return dict(row)


def test_a_correct_artifact_passes_by_the_jitter_and_why_is_told(folder: Path, converted: Done) -> None:
    assert converted.code == 0, converted.stdout + converted.stderr
    row = only_row(converted)
    assert (row["status"], row["policy"]) == ("PASS", "jitter noise floor")
    floor = json.loads((folder / "out" / "golden" / "floor.json").read_text())
    assert floor["kind"] == "jitter"
    assert "control flow depends on tensor values" in floor["why"]
    assert not (folder / "out" / "golden" / "truth.npz").exists()


def test_a_fault_of_1_percent_in_one_channel_fails(folder: Path, converted: Done, tmp_path: Path) -> None:
    assert converted.code == 0
    shutil.copytree(folder / "out", tmp_path / "out")
    artifact = artifact_in(tmp_path / "out", "torchscript")
    places = np.arange(24 * 16).reshape(24, 16)
    plant(artifact, (places * places * 37 % 997 - 498) / 2000, channel=5)
    sign_again(artifact)
    done = edgeproof("verify", "out", "--json", "-q", folder=tmp_path)
    row = only_row(done)
    assert (done.code, row["status"], row["code"], row["policy"]) == (1, "FAIL", "tolerance", "jitter noise floor")
    (output,) = row["outputs"]
    assert all(check["value"] > 3 * check["limit"] for check in output["checks"])
    assert [hop["start"] for hop in row["hops"] if hop["exceeds"]] == ["source"]


def test_its_operators_cannot_be_traced_and_that_is_told(folder: Path, converted: Done) -> None:
    assert converted.code == 0
    artifact = artifact_in(folder / "out", "torchscript")
    done = edgeproof("diagnose", artifact, "--against", "model.py:build", "-q", folder=folder)
    assert done.code == 4
    assert "the source has no program of which operators are traced: the model's control flow depends" in done.stderr
    assert "fix: `edgeproof verify --hops` says which step is at fault" in done.stderr
