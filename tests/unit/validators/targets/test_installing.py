"""Installing: what stands stays, what changed is made again, errors leave the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproof.converters.errors import NotRunnable, UsageError
from edgeproof.validators.targets.architecture import ARM64
from edgeproof.validators.targets.installation import debian, installing
from edgeproof.validators.targets.installation.given import given_emulator, given_root
from edgeproof.validators.targets.installation.installing import Wanted, install
from edgeproof.validators.targets.installation.parts import BUILDS, EMULATOR, PYTHON, ROOT, Building, Built, Wheels
from edgeproof.validators.targets.installation.store import Part, Store


class Bench:
    """Builds that only count."""

    def __init__(self) -> None:
        self.built: list[str] = []
        self.failing = ""

    def build_of(self, name: str):
        def build(building: Building) -> Built:
            self.built.append(name)
            if name == self.failing:
                raise NotRunnable(f"{name} failed", fix="try again")
            (building.folder / "file").write_text(name)
            return Built()

        return build


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    found = Bench()
    for name in BUILDS:
        monkeypatch.setitem(BUILDS, name, found.build_of(name))
    monkeypatch.setattr(installing, "require_apt", lambda: None)
    monkeypatch.setattr(installing, "require_pip", lambda: None)
    return found


def nobody(_name: str, _part: Part) -> None:
    """Listens to nothing."""


def test_everything_is_built_once(bench: Bench, tmp_path: Path):
    store = Store(tmp_path / "arm64", ARM64)
    install(store, Wanted(formats=("onnx",)), on_part=nobody)
    assert sorted(bench.built) == sorted([EMULATOR, ROOT, PYTHON, "onnx"])
    install(store, Wanted(formats=("onnx", "litert")), on_part=nobody)
    assert bench.built[4:] == ["litert"]


def test_what_was_finished_before_an_error_stays(bench: Bench, tmp_path: Path):
    store = Store(tmp_path / "arm64", ARM64)
    bench.failing = "onnx"
    with pytest.raises(NotRunnable):
        install(store, Wanted(formats=("onnx",)), on_part=nobody)
    bench.failing = ""
    before = len(bench.built)
    install(store, Wanted(formats=("onnx",)), on_part=nobody)
    assert bench.built[before:] == ["onnx"]


def test_wheels_follow_the_host_and_the_root(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    versions = ["x==1"]
    made: list[str] = []

    class Counted(Wheels):
        def __call__(self, building: Building) -> Built:
            (building.folder / "file").write_text("x")
            recipe = self.recipe_for(building.facts.get("python", ""))
            made.append(recipe)
            return Built(recipe=recipe)

    monkeypatch.setitem(BUILDS, "onnx", Counted((lambda: versions[0],)))
    pythons = ["3.11"]

    def root(building: Building) -> Built:
        (building.folder / "file").write_text("root")
        return Built(facts={"python": pythons[0]})

    monkeypatch.setitem(BUILDS, ROOT, root)
    store = Store(tmp_path / "arm64", ARM64)
    for _ in range(2):
        install(store, Wanted(formats=("onnx",)), on_part=nobody)
    assert made == ["3.11 x==1"]
    versions[0] = "x==2"
    install(store, Wanted(formats=("onnx",)), on_part=nobody)
    assert made == ["3.11 x==1", "3.11 x==2"]
    pythons[0] = "3.13"
    with store.locked():
        store.build(ROOT, root)
    install(store, Wanted(formats=("onnx",)), on_part=nobody)
    assert made == ["3.11 x==1", "3.11 x==2", "3.13 x==2"]


def test_without_apt_the_user_names_his_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(debian.shutil, "which", lambda _name: None)
    with pytest.raises(NotRunnable) as caught:
        install(Store(tmp_path / "arm64", ARM64), Wanted(), on_part=nobody)
    assert "--root" in caught.value.fix
    assert "--qemu" in caught.value.fix


def test_an_emulator_of_the_users_must_be_one(tmp_path: Path):
    wrong = tmp_path / "qemu"
    wrong.write_text("#!/bin/sh\necho something else\n")
    wrong.chmod(0o755)
    with pytest.raises(UsageError):
        given_emulator(wrong)
    with pytest.raises(UsageError):
        given_emulator(tmp_path / "absent")


def test_an_emulator_of_the_users_is_copied_with_its_version(tmp_path: Path):
    own = tmp_path / "qemu"
    own.write_text("#!/bin/sh\necho 'qemu-aarch64 version 9.2.1 (own)'\n")
    own.chmod(0o755)
    store = Store(tmp_path / "arm64", ARM64)
    store.folder.mkdir()
    part = store.build(EMULATOR, given_emulator(own))
    assert part.built.facts == {"emulator": "9.2.1"}
    assert (store.place(EMULATOR) / "qemu-aarch64").read_bytes() == own.read_bytes()


def test_a_root_of_the_users_must_have_a_loader_and_python(tmp_path: Path):
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    store = Store(tmp_path / "arm64", ARM64)
    store.folder.mkdir()
    with pytest.raises(NotRunnable, match="ld-linux-aarch64"):
        store.build(ROOT, given_root(root))
    (root / "lib").mkdir()
    (root / "lib/ld-linux-aarch64.so.1").write_bytes(b"")
    with pytest.raises(NotRunnable, match="python3"):
        store.build(ROOT, given_root(root))
    (root / "usr/bin/python3.12").write_bytes(b"")
    assert store.build(ROOT, given_root(root)).built.facts == {"python": "3.12", "root": str(root)}
