"""What holds for every test: a clean environment, a seed of its own, and one framework stack a process."""

from __future__ import annotations

import hashlib
import os
import random
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from edgeproof.converters.worker.stacks import RULES, Stack
from stacks import CORE, STACKS, MixedStacksError, stack_of

# The same examples every time, and no time limit for one example: a busy machine is not a failure. To look for new
# examples instead: pytest --hypothesis-profile=default ...
hypothesis.settings.register_profile("edgeproof", deadline=None, derandomize=True)
hypothesis.settings.load_profile("edgeproof")

# The user's own settings must not decide whether a test passes.
_UNWANTED = ("EDGEPROOF_", "COV_", "PYTHONWARNINGS", "FORCE_COLOR", "NO_COLOR", "CLICOLOR", "COLUMNS", "LINES")
_chosen: dict[str, Path] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack",
        choices=STACKS,
        help="collect only the files that need this stack; PyTorch and TensorFlow cannot share a process",
    )


def pytest_configure(config: pytest.Config) -> None:
    for name in list(os.environ):
        if name.startswith(_UNWANTED):
            del os.environ[name]
    stack: str | None = config.getoption("--stack")
    if stack is not None:
        _prepare(stack)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if not (collection_path.name.startswith("test_") and collection_path.suffix == ".py"):
        return None
    try:
        stack = stack_of(collection_path)
    except MixedStacksError as error:
        raise pytest.UsageError(str(error)) from None
    wanted: str | None = config.getoption("--stack")
    if wanted is not None:
        return True if stack != wanted else None
    _refuse_to_mix(stack, collection_path)
    return None


def _refuse_to_mix(stack: str, file: Path) -> None:
    if stack in {CORE, "runtimes"}:
        return
    _chosen.setdefault(stack, file)
    if len(_chosen) > 1:
        both = " and ".join(f"{path.name} ({name})" for name, path in _chosen.items())
        raise pytest.UsageError(
            f"{both} cannot share a process.\nfix: name one of them, choose with --stack, or run `make test`"
        )
    _prepare(stack)


def _prepare(stack: str) -> None:
    """Set what the stack's libraries read when they are imported."""
    os.environ.update(RULES[Stack.RUNTIMES if stack == CORE else Stack(stack)].environment)


@pytest.fixture(autouse=True)
def seeded(request: pytest.FixtureRequest) -> int:
    """Random numbers that depend on the test's name alone: the same alone, in a crowd and in any order."""
    seed = int.from_bytes(hashlib.sha256(request.node.nodeid.encode()).digest()[:4], "big")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries still draw from the global generator
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    return seed


@pytest.fixture
def rng(seeded: int) -> np.random.Generator:
    """A generator seeded by the test's name."""
    return np.random.default_rng(seeded)


@pytest.fixture(autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches and settings live in a temporary home; nothing asks a hub."""
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "120")
