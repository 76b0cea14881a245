"""Which samples are made by the user's code, and when a function that reads files has none to read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeproof.converters.errors import InputError, UsageError
from edgeproof.converters.source import Framework, Source, SourceKind
from edgeproof.validators.request import Request
from edgeproof.validators.user_samples import made_by_user, require_files_to_preprocess

PLAIN = Request(
    source=Source(framework=Framework.TORCH, kind=SourceKind.FACTORY, name="m", factory="m.py:build"),
    formats=("onnx",),
    output=Path("out"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "photos").mkdir()
    (tmp_path / "cat.png").write_bytes(b"")
    np.savez(tmp_path / "x.npz", x=np.ones(2))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", ["own.py:calls", "pkg.mod:calls"])
def test_a_function_is_the_users_code(text: str) -> None:
    assert made_by_user(PLAIN, text) == text
    assert made_by_user(PLAIN, None) is None


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("text", "made"), [("photos", True), ("cat.png", True), ("x.npz", False)])
def test_files_are_if_a_function_reads_them_but_calls_are_read_as_they_are(text: str, made: bool) -> None:
    assert made_by_user(PLAIN, text) is None
    assert made_by_user(replace(PLAIN, preprocess="own.py:load"), text) == (text if made else None)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("samples", "calibration"), [("photos", None), (None, "photos"), ("x.npz", "photos"), ("cat.png", "own.py:calls")]
)
def test_one_of_both_must_be_files(samples: str | None, calibration: str | None) -> None:
    require_files_to_preprocess(replace(PLAIN, samples=samples, calibration=calibration, preprocess="own.py:load"))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("samples", "said"),
    [(None, "there are none"), ("x.npz", "x.npz gives calls as it is"), ("own.py:calls", "gives calls as it is")],
)
def test_a_function_without_files_to_read_is_refused(samples: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        require_files_to_preprocess(replace(PLAIN, samples=samples, preprocess="own.py:load"))


@pytest.mark.usefixtures("folder")
def test_what_is_no_function_and_what_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'own.py' is no function"):
        require_files_to_preprocess(replace(PLAIN, samples="photos", preprocess="own.py"))
    with pytest.raises(InputError, match="gone does not exist"):
        require_files_to_preprocess(replace(PLAIN, samples="gone", preprocess="own.py:load"))


def test_a_specification_is_read_before_anything_starts(folder: Path) -> None:
    (folder / "preprocess.json").write_text('{"schema": 1, "kind": "image", "input": "x"}')
    asked = replace(PLAIN, samples="photos", preprocess="preprocess.json")
    require_files_to_preprocess(asked)
    (folder / "preprocess.json").write_text('{"schema": 1, "kind": "image", "input": "x", "divisor": 0}')
    with pytest.raises(InputError, match="divisor of 0"):
        require_files_to_preprocess(asked)
    with pytest.raises(InputError, match=r"gone.json cannot be read"):
        require_files_to_preprocess(replace(asked, preprocess="gone.json"))
