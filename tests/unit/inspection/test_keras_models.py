"""Keras files are looked at in a worker: what happens to it is no more than an error of the command line."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from edgeproof.cli.main import run
from edgeproof.converters.checkpoints.keras_facts import KerasFacts, KerasLook
from edgeproof.converters.errors import SourceError, UnsafeInput
from edgeproof.converters.inspection import keras_models
from edgeproof.converters.inspection.inspect import inspect_path
from edgeproof.converters.worker.pool import Limits

_FOLDER = Path(__file__).resolve().parents[2] / "golden" / "checkpoints"


def crash(_job: KerasLook) -> KerasFacts:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError("the signal is deadly")


def hang(_job: KerasLook) -> KerasFacts:
    time.sleep(60)
    raise AssertionError("nobody waits this long")


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Lets the worker find this file, to be told which of its functions to run."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return monkeypatch


def test_a_crash_of_the_library_is_one_clear_error(
    reader: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader.setattr(keras_models, "_ENTRY", "test_keras_models:crash")
    assert run(["inspect", str(_FOLDER / "net.h5")]) == 2
    said = capsys.readouterr().err
    assert "is damaged in a way that ends whoever reads it" in said
    assert "SIGSEGV" in said
    assert "fix:" in said
    assert "Traceback" not in said


def test_a_reader_that_hangs_is_ended(reader: pytest.MonkeyPatch) -> None:
    reader.setattr(keras_models, "_ENTRY", "test_keras_models:hang")
    reader.setattr(keras_models, "_LIMITS", Limits(jobs=1, timeout=1))
    with pytest.raises(SourceError, match="ran longer than its limit"):
        inspect_path(_FOLDER / "net.h5")


def test_a_link_to_another_file_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones(2)
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["kernel"] = h5py.ExternalLink("other.h5", "secret")
    with pytest.raises(UnsafeInput, match="links to another file") as caught:
        inspect_path(tmp_path / "net.h5")
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("name", ["net.h5", "net.keras", "net.weights.h5", "net.json"])
def test_a_file_that_was_cut_off_is_one_clear_error(tmp_path: Path, name: str) -> None:
    whole = (_FOLDER / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError) as caught:
        inspect_path(tmp_path / name)
    assert str(tmp_path / name) in caught.value.message
    assert caught.value.fix
