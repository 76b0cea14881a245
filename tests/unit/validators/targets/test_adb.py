"""Android's way there and back, against a program that answers as `adb` does: no phone is here."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from edgeproof.converters.errors import NotRunnable
from edgeproof.validators.targets.adb import AdbTransport
from edgeproof.validators.targets.board import Board
from edgeproof.validators.targets.known import check_target, target_named
from edgeproof.validators.targets.remote import Remote, look

pytestmark = pytest.mark.linux
_PATH = {"PATH": "/usr/bin:/bin"}
# The device's files lie in {data}; what {says} holds is what adb answers instead of doing anything.
_ADB = """\
#!/bin/sh
echo "$*" >> {log}
test "$1" = -s && {{ serial=$2; shift 2; }}
if test -s {says}; then cat {says} >&2; exit 1; fi
there() {{ printf %s "$1" | sed 's#/data/local/tmp#{data}#g'; }}
case "$1" in
  push) cp "$2" "$(there "$3")" || {{ echo "adb: error: failed to copy" >&2; exit 1; }} ;;
  pull) cp "$(there "$2")" "$3" || {{ echo "adb: error: failed to stat remote object" >&2; exit 1; }} ;;
  shell) test "$2" = -T && exec sh -c "$(there "$3")" ;;
  *) exit 9 ;;
esac
"""


class Phone:
    """The fake: `says` is what it answers from now on, `log` how it was called."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        self._log, self._says = folder / "log", folder / "says"
        program = folder / "bin/adb"
        program.parent.mkdir()
        program.write_text(_ADB.format(log=self._log, says=self._says, data=self.data))
        program.chmod(0o755)

    def answers(self, text: str) -> None:
        self._says.write_text(text)

    @property
    def calls(self) -> list[list[str]]:
        return [line.split() for line in self._log.read_text().splitlines() if line.startswith("-s")]


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phone:
    (tmp_path / "phone").mkdir()
    found = Phone(tmp_path / "phone")
    monkeypatch.setenv("PATH", f"{tmp_path}/phone/bin:{os.environ['PATH']}")
    return found


@pytest.fixture
def device(phone: Phone, tmp_path: Path) -> Remote:
    transport = AdbTransport("R5CT1")
    return Remote(transport, look(transport), locks=tmp_path / "locks")


def left(phone: Phone) -> list[str]:
    return sorted(str(path.relative_to(phone.data)) for path in phone.data.rglob("*") if path.is_file())


def test_a_guest_goes_there_runs_and_comes_back(phone: Phone, device: Remote, tmp_path: Path) -> None:
    (tmp_path / "it's given").write_bytes(bytes(range(256)))
    outputs = device.new("outputs")
    line = 'cat "$1" > "$2"; echo "$WORD"; echo said >&2; exit 3'
    command = ["sh", "-c", line, "sh", device.put(tmp_path / "it's given"), outputs]
    done = device.execute(command, {**_PATH, "WORD": "heard"})
    assert (done.code, done.output, done.errors) == (3, b"heard\n", "said\n")
    device.get(outputs, tmp_path / "taken")
    assert (tmp_path / "taken").read_bytes() == bytes(range(256))
    device.clean()
    assert left(phone) == []
    assert all(call[:2] == ["-s", "R5CT1"] for call in phone.calls)


def test_signals_are_told(device: Remote) -> None:
    assert device.execute(["sh", "-c", "kill -ILL $$"], _PATH).code == -signal.SIGILL


def test_a_folder_is_pushed_once(phone: Phone, device: Remote, tmp_path: Path) -> None:
    part = tmp_path / "part"
    (part / "lib").mkdir(parents=True)
    (part / "lib/real.so").write_text("library")
    (part / "lib/link.so").symlink_to("real.so")
    assert device.keep(part, "key") == device.keep(part, "key") == f"{phone.data}/edgeproof/targets/key"
    assert sum("push" in call for call in phone.calls) == 1
    device.clean()
    assert left(phone) == [f"edgeproof/targets/key/{name}" for name in (".whole", "lib/link.so", "lib/real.so")]
    assert (phone.data / "edgeproof/targets/key/lib/link.so").is_symlink()


@pytest.mark.parametrize(
    ("said", "message", "fix"),
    [
        ("error: no devices/emulators found", "is not there", "adb devices"),
        ("error: device 'R5CT1' not found", "is not there", "adb devices"),
        ("error: device offline", "is not there", "adb devices"),
        ("error: device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set", "does not trust", "allow USB"),
        ("error: more than one device/emulator", "more than one", "adb:SERIAL"),
        ("error: insufficient permissions for device: user in plugdev no permissions", "may not use", "udev"),
        ("something else", "was not reached: something else", "adb devices"),
    ],
)
def test_what_adb_says_is_told_in_words(phone: Phone, said: str, message: str, fix: str) -> None:
    phone.answers(said)
    with closing(AdbTransport("R5CT1")) as transport, pytest.raises(NotRunnable, match=message) as caught:
        look(transport)
    assert fix in caught.value.fix


def test_a_phone_that_is_unplugged_is_told(phone: Phone, device: Remote, tmp_path: Path) -> None:
    (tmp_path / "given").touch()
    path = device.put(tmp_path / "given")
    phone.answers("error: device 'R5CT1' not found")
    with pytest.raises(NotRunnable, match="lost in the middle") as caught:
        device.execute(["true"], _PATH)
    assert "run again" in caught.value.fix
    with pytest.raises(NotRunnable, match="is not there"):
        device.get(path, tmp_path / "taken")
    device.clean()


def test_a_full_phone_is_told(phone: Phone, tmp_path: Path) -> None:
    (tmp_path / "given").write_bytes(b"x" * 10000)
    with pytest.raises(NotRunnable, match="no space is left on adb:R5CT1"):
        AdbTransport("R5CT1").send(tmp_path / "given", "/dev/full")


def test_what_is_not_there_cannot_be_fetched(device: Remote, tmp_path: Path) -> None:
    with pytest.raises(NotRunnable, match="fetching taken failed"):
        device.get(device.new("nothing"), tmp_path / "taken")


def test_a_phone_is_named_by_its_serial(phone: Phone, tmp_path: Path) -> None:
    for name in ("adb", "adb:R5CT1", "adb:192.168.1.5:5555"):
        assert check_target(name) == name
        target = target_named(name, folder=tmp_path)
        assert isinstance(target, Board)
        assert (target.needs_network, target.is_slow) == (True, False)
        why = target.unavailable("onnx")
        assert why is not None
        assert f"nothing is prepared for onnx on {name}" in why.message
    assert AdbTransport("192.168.1.5:5555").name == "adb:192.168.1.5:5555"


def test_without_adb_nothing_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    why = target_named("adb", folder=tmp_path).unavailable("onnx")
    assert why is not None
    assert "there is no adb here" in why.message
    assert "platform tools" in why.fix
