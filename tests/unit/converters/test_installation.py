from __future__ import annotations

import pytest

from edgeproof.converters.installation import State, packages, pairs, release, requires_of, satisfies

_REQUIREMENTS = [
    "click<9,>=8.2",
    'torch==2.13.0; extra == "torch"',
    'edgeproof[torch]; extra == "litert"',
    'ai-edge-litert<2.4,>=2.3; extra == "litert"',
    'pytest<10,>=9; extra == "dev"',
]


@pytest.mark.parametrize(
    ("found", "bounds", "fits"),
    [
        ("2.13.0+cpu", "==2.13.0", True),
        ("2.13", "==2.13.0", True),
        ("2.12.1", "==2.13.0", False),
        ("1.5.1", ">=1.5.1,<1.6", True),
        ("1.6.0", ">=1.5.1,<1.6", False),
        ("1.10", ">=1.9", True),
        ("2.4.6", "<2.5,>=2.0", True),
        ("1.0", "", True),
        ("1.0", "!=1.0", False),
        ("1.0", "~=1.0", False),
    ],
)
def test_versions_are_compared_as_numbers(found: str, bounds: str, fits: bool) -> None:
    assert satisfies(found, bounds) is fits


def test_a_release_ends_where_the_numbers_do() -> None:
    assert release("2.13.0+cpu") == (2, 13)
    assert release("1.0rc1") == (1,)
    assert release("nightly") == ()


def test_packages_are_compared_with_what_the_metadata_asks_for() -> None:
    versions = {"click": "8.5.1", "torch": "2.12.0"}
    found = list(packages(_REQUIREMENTS, installed=versions.get))
    assert [(package.name, package.extra, package.state) for package in found] == [
        ("click", None, State.FINE),
        ("torch", "torch", State.WRONG),
        ("ai-edge-litert", "litert", State.MISSING),
    ]
    assert found[2].wanted == ">=2.3,<2.4"


def test_our_own_metadata_names_every_framework() -> None:
    assert requires_of("edgeproof")
    names = {package.name for package in packages()}
    assert {
        "torch",
        "executorch",
        "litert-torch",
        "ai-edge-litert",
        "onnx",
        "onnxruntime",
        "keras",
        "tensorflow",
    } <= names
    assert "pytest" not in names


def test_a_pair_that_exports_and_fails_to_run_is_warned_of() -> None:
    [pair] = pairs(installed={"torch": "2.12.0", "executorch": "1.5.1"}.get)
    assert pair.state is State.UNPROVEN
    assert "torch 2.13.0 + executorch 1.5.1 is known to work" in pair.remark
    assert "fails when the program runs" in pair.remark


def test_a_proven_pair_is_fine() -> None:
    [pair] = pairs(installed={"torch": "2.13.0+cpu", "executorch": "1.5.1"}.get)
    assert pair.state is State.FINE
