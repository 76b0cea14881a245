"""Which process a test file runs in follows from what it imports, directly or through the product."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks import MixedStacksError, stack_of


@pytest.mark.parametrize(
    ("imports", "stack"),
    [
        ("import json\nimport numpy as np", "core"),
        ("import edgeproof", "core"),
        ("from edgeproof.validators import compare", "core"),
        ("import onnxruntime", "runtimes"),
        ("from edgeproof.validators.runners import onnx", "runtimes"),
        ("import torch", "torch"),
        ("from edgeproof.converters.from_torch.load import anything", "torch"),
        ("from edgeproof.converters.from_torch import load", "torch"),
        ("import keras", "tensorflow"),
        ("from edgeproof.converters.from_tensorflow import litert", "tensorflow"),
        ("import keras\nimport torch", "keras-torch"),
        ("from edgeproof.converters.from_keras import bridge", "keras-torch"),
        ("import pytest\ntorch = pytest.importorskip('torch')", "torch"),
        ("def test_x():\n    import tensorflow", "tensorflow"),
        ("CODE = 'import torch'", "core"),
    ],
)
def test_the_stack_follows_from_the_imports(tmp_path: Path, imports: str, stack: str) -> None:
    file = tmp_path / "test_something.py"
    file.write_text(imports)
    assert stack_of(file) == stack


def test_a_file_that_needs_torch_and_tensorflow_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "test_both.py"
    file.write_text("import tensorflow\nfrom edgeproof.validators.runners import torchscript")
    with pytest.raises(MixedStacksError, match=r"torch through .*torchscript.*\nfix: make two files of it"):
        stack_of(file)


@pytest.mark.parametrize("folder", ["unit", "contract", "e2e", "packaging"])
def test_every_test_file_has_a_stack(folder: str) -> None:
    tests = Path(__file__).resolve().parents[1]
    assert [file for file in (tests / folder).rglob("test_*.py") if not stack_of(file)] == []
