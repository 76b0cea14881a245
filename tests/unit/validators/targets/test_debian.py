"""The machine's archive: its own addresses, and versions as Debian writes them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgeproof.converters.errors import NotRunnable
from edgeproof.validators.targets.installation import commands, debian
from edgeproof.validators.targets.installation.debian import Archive, version_numbers

STANZAS = """\
Repo-URI: http://archive.example/debian/
Release: bookworm
Component: main
Sourcesentry: {sources}:1

Repo-URI: http://archive.example/debian/
Release: bookworm-updates
Component: main
Sourcesentry: {sources}:1

Repo-URI: http://tools.example/apt/
Release: nodistro
Component: main
Sourcesentry: {sources}:9

Repo-URI: http://archive.example/debian/
Release: bookworm
Component: contrib
Sourcesentry: {sources}:1
"""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    sources = tmp_path / "debian.sources"
    sources.write_text("Types: deb\nSigned-By: /usr/share/keyrings/debian.gpg\n")
    release = tmp_path / "os-release"
    release.write_text('ID=debian\nVERSION_CODENAME="bookworm"\n')
    monkeypatch.setattr(debian, "_RELEASE", release)
    monkeypatch.setattr(debian, "run_tool", lambda *_given, **_options: STANZAS.format(sources=sources))
    return tmp_path


def test_the_release_of_this_machine_and_its_updates_are_taken(machine: Path):
    Archive("arm64", machine / "apt")
    assert (machine / "apt/sources.list").read_text().splitlines() == [
        "deb [signed-by=/usr/share/keyrings/debian.gpg] http://archive.example/debian/ bookworm main",
        "deb [signed-by=/usr/share/keyrings/debian.gpg] http://archive.example/debian/ bookworm-updates main",
    ]
    settings = (machine / "apt/apt.conf").read_text()
    assert 'APT::Architecture "arm64";' in settings
    assert f'Dir::State "{machine}/apt/state";' in settings


def test_another_release_comes_from_the_same_archive(machine: Path):
    Archive("amd64", machine / "apt", release="trixie")
    lines = (machine / "apt/sources.list").read_text().splitlines()
    assert lines == ["deb [signed-by=/usr/share/keyrings/debian.gpg] http://archive.example/debian/ trixie main"]


def test_a_machine_that_does_not_say_its_release_is_no_debian(machine: Path):
    (machine / "os-release").write_text("ID=void\n")
    with pytest.raises(NotRunnable, match="release"):
        Archive("arm64", machine / "apt")


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("1:10.0.13+ds-0+deb13u1", (10, 0, 13)), ("1:7.2+dfsg-7", (7, 2)), ("9.2.1", (9, 2, 1)), ("odd", ())],
)
def test_version_numbers(version: str, numbers: tuple[int, ...]):
    assert version_numbers(version) == numbers


def test_a_tool_that_fails_is_quoted(tmp_path: Path):
    with pytest.raises(NotRunnable) as caught:
        commands.run_tool(
            ("sh", "-c", "echo noise; echo 'E: no such package' >&2; echo more >&2; exit 100"), fix="do x"
        )
    assert "E: no such package" in caught.value.message
    assert caught.value.fix == "do x"


def test_a_tool_that_is_missing_is_named():
    with pytest.raises(NotRunnable, match="no-such-tool"):
        commands.run_tool(("no-such-tool",), fix="install it")


def test_a_full_disk_asks_for_space():
    with pytest.raises(NotRunnable) as caught:
        commands.run_tool(("sh", "-c", "echo 'E: write (28: No space left on device)' >&2; exit 100"), fix="do x")
    assert "free some space" in caught.value.fix


def test_tools_are_called_as_people_call_them():
    with pytest.raises(NotRunnable, match=r"^pip frobnicate failed"):
        commands.run_tool((sys.executable, "-m", "pip", "frobnicate"), fix="do x")
