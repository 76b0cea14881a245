"""Nothing in the repository knows the machine it was written on, or where packages come from."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
# Assembled from parts, so that this file does not contain what it looks for.
_FOLDERS = ("work", "root", "opt/wheels", "opt/pypi", "home/[a-z]+", "Users/[A-Za-z]+")
MACHINE_PATHS = re.compile(rf"(?<![\w./$}}-])/(?:{'|'.join(_FOLDERS)})/")
HOSTS = re.compile(
    r"https?://[^\s\"'>)]*(?:"
    + "|".join(["py" + "pi", "download.pyt" + "orch", "reg" + "istry", "deb" + r"\.debian"])
    + ")"
)


def texts() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    files = [REPOSITORY / name for name in listing.stdout.split("\0") if name]
    return [file for file in files if file.is_file() and b"\0" not in file.read_bytes()]


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, HOSTS], ids=["machine paths", "registry hosts"])
def test_no_tracked_file_names_it(pattern: re.Pattern[str]) -> None:
    found = [
        f"{file.relative_to(REPOSITORY)}:{number}: {line.strip()[:100]}"
        for file in texts()
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["cd /" + "work/main", "open('/" + "home/ann/x')", 'path = "/' + 'root/a"'])
def test_a_machine_path_would_be_found(line: str) -> None:
    assert MACHINE_PATHS.search(line)


@pytest.mark.parametrize("line", ["src/work/main", "$HOME/work/", "a/root/b", "https://example.org/work/x"])
def test_an_ordinary_path_is_left_alone(line: str) -> None:
    assert not MACHINE_PATHS.search(line)


def test_constraints_are_versions_and_nothing_else() -> None:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line)] == []
    assert "torch==2.13.0" in pins
