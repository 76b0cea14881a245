"""What the user's own code has beside a file and without one, and what the manifest says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Done, edgeproof

pytestmark = pytest.mark.e2e
MODEL = """
import os, socket, sys
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.body(x)

def build():
    return Net(), torch.ones(1, 4)

def needs_token():
    return Net() if os.environ["HF_TOKEN"] == "hf_x" else None, torch.ones(1, 4)

def downloads():
    socket.create_connection(("127.0.0.1", 9), timeout=5)
    return build()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    header = b'{"body.weight":{"dtype":"F32","shape":[2,4],"data_offsets":[0,32]},"body.bias":{"dtype":"F32",'
    header += b'"shape":[2],"data_offsets":[32,40]}}'
    (tmp_path / "weights.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(40))
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    return tmp_path


def convert(folder: Path, *arguments: str) -> Done:
    return edgeproof("convert", *arguments, "--to", "torchscript", "-o", "out", "-q", "--json", folder=folder)


def test_a_factory_alone_keeps_the_environment_and_nothing_is_recorded(folder: Path) -> None:
    done = convert(folder, "model.py:needs_token")
    assert done.code == 0, done.stderr
    assert done.document["manifest"]["source"]["containment"] is None


def test_beside_a_file_a_factory_has_no_secrets_and_the_manifest_says_what_held(folder: Path) -> None:
    refused = convert(folder, "weights.safetensors", "--model", "model.py:needs_token")
    assert refused.code == 2
    assert "KeyError: 'HF_TOKEN'" in refused.stderr
    done = convert(folder, "weights.safetensors", "--model", "model.py:build", "--memory", "6G", "--timeout", "300")
    assert done.code == 0, done.stderr
    held = done.document["manifest"]["source"]["containment"]
    assert held["memory"] == 6 << 30
    assert held["seconds"] == 300
    assert held["file_size"] == 4 << 30


def test_beside_a_file_a_factory_that_downloads_is_told_what_to_do(folder: Path) -> None:
    done = convert(folder, "weights.safetensors", "--model", "model.py:downloads")
    assert done.code == 2
    assert "ConnectionRefusedError" in done.stderr or "no network" in done.stderr
