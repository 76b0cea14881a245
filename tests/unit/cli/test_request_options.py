"""Precisions and budgets on the command line, and rows for precisions that a format does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproof.cli.main import run
from edgeproof.cli.request_options import parse_precisions
from edgeproof.converters.errors import UsageError
from edgeproof.converters.precision import ALIASES, Precision


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (("fp32",), ["fp32"]),
        (("fp32,int8",), ["fp32", "int8"]),
        (("int8", "fp32"), ["int8", "fp32"]),
        (("INT8, Fp16",), ["int8", "fp16"]),
        (("static_wi8_ai8",), ["int8"]),
        (("dynamic_wi8_afp32,weight_only_wi8_afp32",), ["int8-dynamic", "int8-weights"]),
        (("Static_WI8_AI16, float16",), ["int16x8", "fp16"]),
        (("int8,static_wi8_ai8",), ["int8"]),
        (("all",), [str(each) for each in Precision]),
    ],
)
def test_precisions_go_by_their_own_names_and_by_those_of_others(texts: tuple[str, ...], names: list[str]) -> None:
    assert [str(each) for each in parse_precisions(texts)] == names


@pytest.mark.parametrize(
    ("text", "near"),
    [("int9", "int8"), ("int8-dynamc", "int8-dynamic"), ("fp23", "fp32"), ("int8_weights", "int8-weights")],
)
def test_a_precision_that_is_nearly_right_gets_the_right_one(text: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"--precision does not know '{text}'") as caught:
        parse_precisions((text,))
    assert caught.value.fix.startswith(f"did you mean {near}?")


@pytest.mark.parametrize("text", ["", "quantized", "int8,,"])
def test_a_precision_that_is_not_known_gets_the_choices(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_precisions((text,))
    assert "int8-dynamic" in caught.value.fix


def test_aliases_are_no_names_of_our_own() -> None:
    assert not ALIASES.keys() & {str(each) for each in Precision}


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A factory in the current folder, which nobody runs."""
    (tmp_path / "net.py").write_text("import torch\n\ndef build():\n    raise SystemExit('was run')\n")
    monkeypatch.chdir(tmp_path)
    return "net.py:build"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-drop", "much"], "write 1% for the share of decisions"),
        (["--max-drop", "200%"], "more than all decisions"),
        (["--max-drop", "1"], "--max-drop '1' is not understood"),
        (["--precision", "int8"], "--calibration FILE"),
        (["--precision", "fp32,int8-full"], "int8-full fixes the range"),
        (["--precision", "int8-dynamic", "--max-drop", "1%"], "--calibration FILE with real inputs"),
        (["--precision", "int8-full", "--calibration", "x.npz", "--to", "onnx,torchscript"], "--to litert"),
        (["--precision", "int16x8", "--calibration", "x.npz", "--to", "executorch"], "int16x8 cannot be had"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_had_is_refused_before_anything_starts(
    options: list[str], said: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["convert", model, *options]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert "fix:" in printed.err
    assert not Path("net.edgeproof").exists()
