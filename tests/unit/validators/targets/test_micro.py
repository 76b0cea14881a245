"""The environment of the micro-edge backends: installed once, for this interpreter, and whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from edgeproof.converters.errors import NotRunnable
from edgeproof.converters.worker.stacks import Stack
from edgeproof.validators.targets import micro
from edgeproof.validators.targets.installation import parts
from edgeproof.validators.targets.installation.wheels import Fetched

pytestmark = pytest.mark.linux


class Pip:
    """Counts what it was asked to install, and installs one file."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.fails = False

    def __call__(self, requirements: Sequence[str], folder: Path, **options: Any) -> list[Fetched]:
        self.calls.append({"requirements": tuple(requirements), **options})
        (folder / "ethosu").mkdir()
        (folder / "ethosu" / "vela.py").write_text("")
        (folder / "tests").mkdir()
        if self.fails:
            raise NotRunnable("pip failed", fix="try again")
        return [Fetched(name="ethos-u-vela", version="5.1.0", sha256="")]


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    found = Pip()
    monkeypatch.setenv("EDGEPROOF_CACHE", str(tmp_path))
    monkeypatch.setattr(parts, "install_wheels", found)
    monkeypatch.setattr(micro, "require_pip", lambda: None)
    return found


def test_it_is_installed_once_and_for_this_interpreter(pip: Pip):
    assert not micro.installed()
    part = micro.install()
    assert micro.installed()
    assert micro.install() == part
    (call,) = pip.calls
    assert call["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert "ethos-u-vela==5.1.0" in call["requirements"]


def test_names_that_others_have_too_are_left_out(pip: Pip):
    micro.install()
    assert len(pip.calls) == 1
    place = Path(micro.site_of(Stack.MICRO))
    assert (place / "ethosu" / "vela.py").exists()
    assert not (place / "tests").exists()


def test_what_fails_leaves_nothing(pip: Pip):
    pip.fails = True
    with pytest.raises(NotRunnable, match="pip failed"):
        micro.install()
    assert not micro.installed()
    pip.fails = False
    micro.install()
    assert micro.installed()


def test_that_of_another_interpreter_is_not_taken(pip: Pip, monkeypatch: pytest.MonkeyPatch):
    micro.install()
    monkeypatch.setattr(micro, "_this_python", lambda: "3.99")
    assert not micro.installed()
    micro.install()
    assert len(pip.calls) == 2


def test_something_gone_is_something_missing(pip: Pip):
    micro.install()
    (Path(micro.site_of(Stack.MICRO)) / "ethosu" / "vela.py").unlink()
    assert not micro.installed()
    assert len(pip.calls) == 1


def test_removed_it_is_missing(pip: Pip):
    micro.install()
    assert micro.remove() >= 0
    assert not micro.installed()
    missing = micro.missing_for(Stack.MICRO)
    assert missing is not None
    assert missing.fix == "edgeproof targets install ethos-u"
    assert len(pip.calls) == 1


def test_other_workers_need_none_of_it(pip: Pip):
    assert micro.site_of(Stack.TORCH) == ""
    assert micro.missing_for(Stack.TORCH) is None
    assert not pip.calls


def test_elsewhere_there_are_no_such_packages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not micro.installed()
    with pytest.raises(NotRunnable, match="no packages of Arm's micro-edge tools for darwin"):
        micro.install()
