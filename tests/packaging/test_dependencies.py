"""What the product imports is what pyproject.toml declares, docs/dependencies.md explains and constraints.txt pins."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
ROOMS = ("cli", "converters", "sample_models", "validators")
# Reached through another requirement: joblib unpacks with lz4, the exporter of torch.onnx is written with onnxscript.
USED_INDIRECTLY = {"lz4", "onnxscript"}
# Installed by `edgeproof targets install ethos-u` into a folder of their own, because their pins are other than ours.
BESIDE_US = {"ethosu", "tosa-reference-model", "tflite-micro"}


def names(requirements: list[str]) -> set[str]:
    return {str(canonicalize_name(Requirement(line).name)) for line in requirements} - {"edgeproof"}


def imported(folder: Path) -> set[str]:
    """Distributions whose modules are imported anywhere below `folder`."""
    owners = packages_distributions()
    modules = {
        name
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for name in _modules(node)
    }
    outside = {name for name in modules if name not in sys.stdlib_module_names and name != "edgeproof"}
    return {canonicalize_name(owner) for name in outside for owner in owners.get(name, [name])}


def _modules(node: ast.AST) -> set[str]:
    match node:
        case ast.Import(names=aliases):
            return {alias.name.partition(".")[0] for alias in aliases}
        case ast.ImportFrom(module=str(module), level=0):
            return {module.partition(".")[0]}
        case _:
            return set()


def declared(*extras: str) -> set[str]:
    return names(PROJECT["dependencies"]) | {name for extra in extras for name in names(EXTRAS[extra])}


@pytest.mark.parametrize("room", ROOMS)
def test_every_import_is_declared(room: str) -> None:
    training = ("dev",) if room == "sample_models" else ()
    known = declared(*(extra for extra in EXTRAS if extra != "dev"), *training)
    assert imported(REPOSITORY / room) - BESIDE_US <= known


def test_every_requirement_of_the_product_is_used() -> None:
    used = {name for room in ROOMS for name in imported(REPOSITORY / room)}
    assert declared(*(extra for extra in EXTRAS if extra != "dev")) - used <= USED_INDIRECTLY


def test_the_command_line_needs_no_extra() -> None:
    assert imported(REPOSITORY / "cli") <= names(PROJECT["dependencies"])


def test_every_requirement_has_a_reason_in_the_docs() -> None:
    explained = set(re.findall(r"^\| `([^`]+)` \|", (REPOSITORY / "docs/dependencies.md").read_text(), re.MULTILINE))
    assert {canonicalize_name(name) for name in explained} == declared(*EXTRAS)


def test_every_requirement_is_pinned_within_its_range() -> None:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    versions = {canonicalize_name(name): version for name, version in pins.items()}
    requirements = [Requirement(line) for line in PROJECT["dependencies"] + [x for e in EXTRAS.values() for x in e]]
    wrong = [
        str(requirement)
        for requirement in requirements
        if requirement.name != "edgeproof"
        and not requirement.specifier.contains(versions[canonicalize_name(requirement.name)], prereleases=True)
    ]
    assert wrong == []


def test_torch_is_pinned_exactly() -> None:
    assert "torch==2.13.0" in EXTRAS["torch"]
