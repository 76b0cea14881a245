"""The repository is the package: the list of packages, the links and the root must stay in step with the folders."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("cli", "converters", "sample_models", "validators")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def tracked(*patterns: str) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return [REPOSITORY / name for name in listing.stdout.split("\0") if name and (REPOSITORY / name).is_file()]


def test_the_packages_list_names_every_folder_with_python_files() -> None:
    folders = {file.parent for room in ROOMS for file in (REPOSITORY / room).rglob("*.py")} | {REPOSITORY}
    names = {".".join(("edgeproof", *folder.relative_to(REPOSITORY).parts)) for folder in folders}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == names


def test_every_package_folder_says_in_one_sentence_what_it_is() -> None:
    silent = [
        folder.relative_to(REPOSITORY)
        for room in ROOMS
        for folder in {file.parent for file in (REPOSITORY / room).rglob("*.py")}
        if not (folder / "__init__.py").is_file() or not (folder / "__init__.py").read_text().startswith('"""')
    ]
    assert silent == []


def test_the_links_lead_to_the_rooms() -> None:
    links = {link.name: link for link in (REPOSITORY / ".links" / "edgeproof").iterdir() if link.is_symlink()}
    assert set(links) == {*ROOMS, "__init__.py", "py.typed"}
    for name, link in links.items():
        assert link.resolve(strict=True) == REPOSITORY / name


def test_no_other_module_stands_at_the_root() -> None:
    assert [file.name for file in REPOSITORY.glob("*.py")] == ["__init__.py"]


def test_the_tests_are_not_a_package() -> None:
    assert list((REPOSITORY / "tests").rglob("__init__.py")) == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_of_the_product_is_longer_than_three_hundred_lines(room: str) -> None:
    lengths = {
        file.relative_to(REPOSITORY): len(file.read_text().splitlines()) for file in (REPOSITORY / room).rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > 300} == {}


def test_the_architecture_page_names_every_folder_of_the_product() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text()
    listing = page.partition("## Rooms")[2].partition("## Who")[0]
    samples = {file.parent.name for file in (REPOSITORY / "sample_models").glob("*/train.py")}
    folders = {name.rpartition(".")[2] for name in PROJECT["tool"]["setuptools"]["packages"]} - samples - {"edgeproof"}
    assert {name for name in folders if f" {name}/" not in listing} == set()


@pytest.mark.parametrize("room", ["converters", "validators"])
def test_the_architecture_page_names_every_module_at_the_top_of_a_room(room: str) -> None:
    words = set((REPOSITORY / "docs" / "architecture.md").read_text().partition("## Rooms")[2].split())
    modules = {file.stem for file in (REPOSITORY / room).glob("*.py")} - {"__init__"}
    assert modules - words == set()
