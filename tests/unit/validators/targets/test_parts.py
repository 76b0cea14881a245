"""Which emulator is taken: this release's, a later one's, or what there is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from edgeproof.converters.errors import NotRunnable
from edgeproof.validators.targets.architecture import ARM64
from edgeproof.validators.targets.installation import parts
from edgeproof.validators.targets.installation.parts import EMULATOR_BINARY, Building, Built, build_emulator


class Releases:
    """An archive with one version of the emulator in each release; None for a release that cannot be had."""

    def __init__(self, versions: dict[str | None, str | None]) -> None:
        self.versions = versions

    def __call__(self, architecture: str, folder: Path, *, release: str | None = None) -> Releases.Archive:
        assert architecture == "amd64"
        return Releases.Archive(self.versions.get(release), folder)

    class Archive:
        def __init__(self, version: str | None, folder: Path) -> None:
            self.version, self.folder = version, folder

        def update(self) -> None:
            if self.version is None:
                raise NotRunnable("apt-get update failed: no Release file", fix="none")

        def candidate(self, package: str) -> str | None:
            return self.version if package == "qemu-user-static" else None

        def download(self, packages: Sequence[str]) -> list[Path]:
            file = self.folder / f"{packages[0]}_{self.version}_amd64.deb"
            file.write_text(str(self.version))
            return [file]


def built(monkeypatch: pytest.MonkeyPatch, folder: Path, versions: dict[str | None, str | None]) -> Built:
    monkeypatch.setattr(parts, "Archive", Releases(versions))
    monkeypatch.setattr(parts, "unpack_one", lambda deb, _folder, _names: deb)
    place, scratch = folder / "part", folder / "work"
    place.mkdir()
    scratch.mkdir()
    found = build_emulator(Building(architecture=ARM64, folder=place, scratch=scratch, facts={}))
    assert (place / EMULATOR_BINARY).read_text() == found.facts["emulator"]
    return found


@pytest.mark.parametrize(
    ("own", "later", "taken"),
    [("1:10.0.2", "1:11.0", "1:10.0.2"), ("1:7.2+dfsg", "1:10.0.13", "1:10.0.13"), ("1:7.2+dfsg", None, "1:7.2+dfsg")],
    ids=["this release's is good", "a later one's is better", "there is no later one"],
)
def test_the_emulator(own: str, later: str | None, taken: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = built(monkeypatch, tmp_path, {None: own, "trixie": later})
    assert found.facts == {"emulator": taken}
    assert found.fetched[0].version == taken
    assert len(found.fetched[0].sha256) == 64


def test_an_archive_without_any_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(NotRunnable):
        built(monkeypatch, tmp_path, {None: None})
