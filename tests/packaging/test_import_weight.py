"""The command line and the package itself start light: what they may import is listed, everything else fails."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LISTING = """
import json, sys
before = set(sys.modules)
import {module}
print(json.dumps(sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})))
"""


def imported_with(module: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", LISTING.format(module=module)], capture_output=True, text=True, check=True
    )
    return {name for name in json.loads(done.stdout) if name not in sys.stdlib_module_names}


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("edgeproof", {"edgeproof"}),
        ("edgeproof.cli.main", {"edgeproof", "click"}),
        ("edgeproof.converters.registry", {"edgeproof", "numpy"}),
    ],
)
def test_importing_a_front_door_brings_in_only_what_is_allowed(module: str, allowed: set[str]) -> None:
    assert imported_with(module) <= allowed


def test_the_listing_notices_a_heavy_import() -> None:
    assert "numpy" in imported_with("numpy.linalg")
