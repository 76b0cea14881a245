"""The fixture assert_parity: red for everything but a pass, light to import, and there without being asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outcomes import failed_row, outcome_of, row_with

from edgeproof.converters.errors import InputError
from edgeproof.validators import api
from edgeproof.validators.parity import ParityRow, Status
from edgeproof.validators.pytest_plugin import AssertParity
from edgeproof.validators.request import Outcome

Give = Callable[..., list[dict[str, Any]]]
LISTING = """
import json, pytest, sys
before = set(sys.modules)
import edgeproof.validators.pytest_plugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Give:
    """Lets judging end with these rows; what was asked is listed."""

    def answer(*rows: ParityRow) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def verify(place: Path, **given: Any) -> Outcome:
            asked.append({"place": place, **given})
            return outcome_of(*rows)

        monkeypatch.setattr(api, "verify", verify)
        return asked

    return answer


def test_pytest_finds_it() -> None:
    [point] = entry_points(group="pytest11", name="edgeproof")
    assert point.value == "edgeproof.validators.pytest_plugin"


def test_a_pass_gives_the_report(assert_parity: AssertParity, give: Give) -> None:
    asked = give(row_with())
    samples = {"x": np.ones((2, 1), "f4")}
    report = assert_parity("out/net.onnx", source=Path("model.py:build"), samples=samples)
    assert [row.status for row in report.results] == [Status.PASS]
    assert asked == [{"place": "out/net.onnx", "against": "model.py:build", "samples": samples}]


def test_without_a_source_the_stored_outputs_count(assert_parity: AssertParity, give: Give) -> None:
    asked = give(row_with())
    assert_parity(Path("out"))
    assert asked == [{"place": Path("out"), "against": None, "samples": None}]


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PASS}))
def test_everything_else_fails_and_nothing_is_skipped(status: Status, assert_parity: AssertParity, give: Give) -> None:
    give(row_with(), row_with(format="litert", status=status, reason="the reason", fix="the fix"))
    with pytest.raises(AssertionError, match=rf"{status} .*: the reason(.|\n)*fix: the fix"):
        assert_parity("out")


def test_a_report_without_rows_fails(assert_parity: AssertParity, give: Give) -> None:
    give()
    with pytest.raises(AssertionError, match="Nothing was judged"):
        assert_parity("out")


def test_the_text_has_the_output_and_its_figures(assert_parity: AssertParity, give: Give) -> None:
    give(failed_row())
    with pytest.raises(AssertionError) as caught:
        assert_parity("out")
    text = str(caught.value)
    assert "output 'scores': FAIL over 4 calls" in text
    assert "largest difference 0.25" in text
    assert "fix: look at it" in text


def test_what_cannot_be_asked_is_an_error_with_a_fix(assert_parity: AssertParity, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist\nfix: "):
        assert_parity(tmp_path / "missing")


def test_importing_it_brings_in_no_framework_and_none_of_the_judge() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", LISTING], capture_output=True, text=True, check=True)
    names: set[str] = set(json.loads(done.stdout)) - sys.stdlib_module_names
    assert names == {"edgeproof", "edgeproof.validators", "edgeproof.validators.pytest_plugin"}
