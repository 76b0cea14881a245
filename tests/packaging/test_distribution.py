"""The wheel and the sdist carry everything, and the command line works where only they and the core are installed."""

from __future__ import annotations

import shutil
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path

import pytest
from distribution import REPOSITORY, built_distribution, run, wheel_in

pytestmark = [pytest.mark.packaging, pytest.mark.slow]

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_distribution(tmp_path_factory)


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return wheel_in(built)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The bin folder of a new environment with the wheel and its core requirements, and no framework."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    pins = REPOSITORY / "constraints.txt"
    run(folder / "bin" / "python", "-m", "pip", "install", "-q", "-c", pins, wheel, cwd=folder)
    yield folder / "bin"
    shutil.rmtree(folder)


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_module_and_every_sample(wheel: Path) -> None:
    rooms = ("cli", "converters", "validators", "sample_models")
    suffixes = {".py", ".npz", ".safetensors", ".keras"}
    wanted = {
        f"edgeproof/{file.relative_to(REPOSITORY)}"
        for room in rooms
        for file in (REPOSITORY / room).rglob("*")
        if file.suffix in suffixes and "__pycache__" not in file.parts
    }
    assert wanted | {"edgeproof/__init__.py", "edgeproof/py.typed"} <= contents(wheel)


def test_the_wheel_holds_nothing_but_the_package(wheel: Path) -> None:
    assert {name.partition("/")[0] for name in contents(wheel)} == {"edgeproof", "edgeproof-0.1.0.dist-info"}
    assert not [name for name in contents(wheel) if "/tests/" in name or "/benchmarks/" in name]


def test_the_wheel_states_licence_python_and_entry_point(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = message_from_string(archive.read("edgeproof-0.1.0.dist-info/METADATA").decode())
        points = archive.read("edgeproof-0.1.0.dist-info/entry_points.txt").decode()
        licence = archive.read("edgeproof-0.1.0.dist-info/licenses/LICENSE").decode()
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == "<3.12,>=3.11"
    assert set(metadata.get_all("Provides-Extra", [])) == set(PROJECT["project"]["optional-dependencies"])
    assert "edgeproof = edgeproof.cli.main:main" in points
    assert "[pytest11]\nedgeproof = edgeproof.validators.pytest_plugin" in points
    assert licence == (REPOSITORY / "LICENSE").read_text()


def test_the_sdist_holds_the_licence_and_no_built_thing(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert "edgeproof-0.1.0/LICENSE" in names
    assert not [name for name in names if "/.venv/" in name or name.endswith(".pyc")]


def test_the_core_install_brings_no_framework(installed: Path) -> None:
    listing = run(installed / "python", "-m", "pip", "list", "--format=freeze", cwd=installed)
    names = {line.partition("==")[0].lower() for line in listing.splitlines()}
    assert names.isdisjoint({"torch", "tensorflow", "keras", "onnx", "onnxruntime", "executorch", "ai-edge-litert"})


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["formats"], ["convert", "--help"]])
def test_the_command_line_answers_without_any_framework(installed: Path, tmp_path: Path, arguments: list[str]) -> None:
    assert run(installed / "edgeproof", *arguments, cwd=tmp_path).strip()


def test_formats_lists_all_four_without_any_framework(installed: Path, tmp_path: Path) -> None:
    listing = run(installed / "edgeproof", "formats", cwd=tmp_path)
    for name in ("torchscript", "executorch", "litert", "onnx"):
        assert name in listing


def test_the_installed_package_is_complete_and_consistent(installed: Path, tmp_path: Path) -> None:
    run(installed / "python", "-m", "pip", "check", cwd=tmp_path)
    packages = PROJECT["tool"]["setuptools"]["packages"]
    found = f"import importlib.util as u; print([n for n in {packages!r} if u.find_spec(n) is None])"
    assert run(installed / "python", "-P", "-c", found, cwd=tmp_path).strip() == "[]"
