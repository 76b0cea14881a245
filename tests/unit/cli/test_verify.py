from __future__ import annotations

from pathlib import Path

import pytest
from outcomes import failed_row, outcome_of, row_with

from edgeproof.cli.commands import verify as verify_command
from edgeproof.cli.main import run
from edgeproof.validators.request import Outcome
from edgeproof.validators.verification import Verification


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Verification]:
    """The verifications that would have been run; the first artifact passes, the second does not."""
    requests: list[Verification] = []

    def verify(request: Verification, *, on_progress: object) -> Outcome:
        assert callable(on_progress)
        requests.append(request)
        return outcome_of(row_with(), failed_row(), folder=request.place)

    monkeypatch.setattr(verify_command, "verify", verify)
    return requests


def test_a_folder_is_judged_by_what_it_stores(asked: list[Verification]) -> None:
    assert run(["verify", "out", "-q"]) == 1
    [request] = asked
    assert request.place == Path("out")
    assert request.against is None
    assert request.targets == ("host",)


def test_a_source_to_run_again_is_described_as_for_convert(
    asked: list[Verification], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("import torch\n")
    source = ["--against", "net.py:build", "--model-arg", "width=4", "--input", "x:float32[1]"]
    assert run(["verify", "out", "-q", *source]) == 1
    [request] = asked
    assert request.against is not None
    assert dict(request.against.factory_args) == {"width": "4"}
    assert request.against.inputs == ("x:float32[1]",)


def test_describing_a_source_without_naming_one_is_refused(
    asked: list[Verification], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", "out", "--model-arg", "width=4"]) == 2
    assert "--against SOURCE" in capsys.readouterr().err
    assert asked == []


def test_a_folder_that_is_none_of_ours_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(tmp_path), "-q"]) == 2
    assert "fix: " in capsys.readouterr().err
    assert run(["verify", str(tmp_path / "missing"), "-q"]) == 2
