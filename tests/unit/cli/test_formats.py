from __future__ import annotations

import json

import pytest

from edgeproof.cli.main import run
from edgeproof.converters.registry import converters


def test_every_way_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formats", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["formats"]
    assert [(row["from"], row["to"]) for row in rows] == [
        (row.origin, row.format) for row in converters().values() if row.origin != "onnx"
    ]


def test_the_table_has_a_line_per_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formats"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["from", "to", "backends", "precisions", "makes", "runs"]
    assert any(line.split()[:2] == ["keras", "litert"] for line in lines)


def test_what_is_not_installed_is_named_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "edgeproof.converters.registry_rows.find_spec", lambda name: None if name == "litert_torch" else object()
    )
    assert run(["formats"]) == 0
    shown = capsys.readouterr().out
    assert "needs litert_torch" in shown
    assert 'fix: pip install "edgeproof[keras,litert,onnx]"' in shown
