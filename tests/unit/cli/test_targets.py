"""`edgeproof targets`: what is listed, installed and removed, without installing anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeproof.cli.commands import targets_install
from edgeproof.cli.main import run
from edgeproof.converters.errors import NotRunnable
from edgeproof.validators.targets import prepared
from edgeproof.validators.targets.installation.installing import Listener, Wanted
from edgeproof.validators.targets.installation.parts import Building, Built
from edgeproof.validators.targets.installation.store import Store
from edgeproof.validators.targets.installation.wheels import Fetched


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("EDGEPROOF_CACHE", str(tmp_path))
    return tmp_path


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert run(["targets", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    return {target["name"]: target for target in document["targets"]}


def part(building: Building) -> Built:
    (building.folder / "file").write_text("x" * 2048)
    return Built(fetched=(Fetched(name="tool", version="1.2", sha256="ab"),))


def test_the_host_is_ready_and_the_rest_says_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(capsys)
    assert found["host"]["state"] == "ready"
    assert {"arm64", "x86-64", "ethos-u", "ssh", "adb"} <= found.keys()
    for name in ("arm64", "x86-64", "ethos-u"):
        target = found[name]
        assert target["state"] == "ready" or f"edgeproof targets install {name}" in str(target["fix"])


def test_the_list_for_people_has_a_line_for_each_target(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["targets"], ["targets", "list"]):
        assert run(arguments) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split()[:2] == ["target", "state"]
        assert lines[1].startswith("host")


def test_an_installation_tells_each_part_and_the_lock_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Wanted] = []

    def install(store: Store, wanted: Wanted, *, on_part: Listener) -> Path:
        asked.append(wanted)
        with store.locked():
            on_part("root", store.build("root", part))
            return store.write_lock()

    monkeypatch.setattr(targets_install, "install", install)
    assert run(["targets", "install", "x86-64", "--formats", "onnx,litert"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["root", "2.0", "KiB", "tool", "1.2"]
    assert lines[1].startswith("x86-64 is ready: 2.0 KiB")
    assert lines[2].endswith("lock.json")
    assert asked[0].formats == ("onnx", "litert")
    assert not asked[0].emulator
    assert run(["targets", "remove", "x86-64"]) == 0
    assert capsys.readouterr().out.startswith("removed")
    assert run(["targets", "remove", "x86-64"]) == 0
    assert "was not prepared" in capsys.readouterr().out


def test_what_cannot_be_installed_has_exit_code_4(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(_store: Store, _wanted: Wanted, *, on_part: Listener) -> Path:
        del on_part
        raise NotRunnable("there is no apt-get here", fix="name a root")

    monkeypatch.setattr(targets_install, "install", install)
    assert run(["targets", "install", "x86-64"]) == 4
    assert "fix: name a root" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["install", "arm46"], ["install", "x86-64", "--formats", "onxx"], ["remove", "host"]]
)
def test_wrong_names_are_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["targets", *arguments]) == 2
    assert "fix:" in capsys.readouterr().err


def test_a_machine_that_is_the_target_itself_prepares_boards_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Wanted] = []

    def install(store: Store, wanted: Wanted, *, on_part: Listener) -> Path:
        del on_part
        asked.append(wanted)
        return store.folder

    monkeypatch.setattr(targets_install, "install", install)
    monkeypatch.setattr(prepared, "this_machine", lambda: "aarch64")
    assert run(["targets", "install", "arm64"]) == 0
    assert "nothing to install" in capsys.readouterr().out
    assert run(["targets", "install", "arm64", "--formats", "onnx"]) == 0
    assert [(wanted.formats, wanted.emulator) for wanted in asked] == [(("onnx",), False)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["install", "ethos-u", "--formats", "onnx"], "--formats means nothing for ethos-u"),
        (["install", "x86-64", "--qemu", "FILE"], "--qemu means nothing for x86-64"),
        (["install", "x86-64", "--formats", "torchscript"], "torchscript"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "qemu").write_text("")
    assert run(["targets", *(str(tmp_path / "qemu") if each == "FILE" else each for each in arguments)]) == 2
    assert said in capsys.readouterr().err
