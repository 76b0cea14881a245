from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgeproof.cli.commands import doctor as doctor_command
from edgeproof.cli.machine import Machine, remarks_on, this_machine
from edgeproof.cli.main import run
from edgeproof.converters.installation import Package, State
from edgeproof.converters.processor import Processor
from edgeproof.converters.worker.confinement import Containment

_MACHINE = Machine(
    processor=Processor(machine="x86_64", name="a processor", features=("avx2",)), processors=2, memory=8 << 30,
    memory_available=6 << 30, scratch="/scratch", scratch_free=50 << 30, worker_seconds=0.2, worker_error=None,
    containment=Containment(network=False, memory=8 << 30, file_size=4 << 30, seconds=60), remarks=(),
)  # fmt: skip
_TORCH = Package(name="torch", extra="torch", wanted="==2.13.0", found="2.13.0", state=State.FINE)


def _see(monkeypatch: pytest.MonkeyPatch, *found: Package, machine: Machine = _MACHINE) -> None:
    monkeypatch.setattr(doctor_command, "packages", lambda: iter(found))
    monkeypatch.setattr(doctor_command, "this_machine", lambda: machine)


def test_nothing_missing_is_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _see(monkeypatch, _TORCH)
    assert run(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "Everything is there." in shown
    assert "fix:" not in shown


def test_a_missing_package_is_4_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = Package(name="onnxruntime", extra="onnx", wanted=">=1.32,<1.33", found=None, state=State.MISSING)
    _see(monkeypatch, _TORCH, missing)
    assert run(["doctor"]) == 4
    assert 'fix: pip install "edgeproof[onnx]"' in capsys.readouterr().out


def test_a_wrong_version_is_4_with_the_right_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _see(monkeypatch, replace(_TORCH, found="2.12.0", state=State.WRONG))
    assert run(["doctor"]) == 4
    shown = capsys.readouterr().out
    assert 'fix: pip install "torch==2.13.0"' in shown
    assert "wrong version" in shown


def test_a_worker_that_does_not_start_is_4(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _see(monkeypatch, _TORCH, machine=replace(_MACHINE, worker_seconds=None, worker_error="it was killed"))
    assert run(["doctor"]) == 4
    assert "worker      failed: it was killed" in capsys.readouterr().out


@pytest.mark.parametrize(("network", "words"), [(False, "with no network"), (True, "does not allow to take away")])
def test_it_says_whether_the_network_can_be_taken_from_workers(
    *, network: bool, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    containment = Containment(network=network, memory=8 << 30, file_size=4 << 30, seconds=60)
    _see(monkeypatch, _TORCH, machine=replace(_MACHINE, containment=containment))
    run(["doctor"])
    assert words in " ".join(capsys.readouterr().out.split())


def test_json_says_the_same(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _see(monkeypatch, replace(_TORCH, found=None, state=State.MISSING))
    assert run(["doctor", "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["fine"] is False
    assert document["fixes"] == ['pip install "edgeproof[torch]"']
    assert document["packages"][0]["state"] == "missing"
    assert document["machine"]["processors"] == 2


def test_this_machine_has_a_worker_that_answers() -> None:
    machine = this_machine()
    assert machine.worker_error is None
    assert machine.worker_seconds is not None
    assert machine.worker_seconds > 0
    assert machine.processors >= 1
    assert machine.scratch_free > 0


@pytest.mark.parametrize(
    ("processor", "available", "free", "said"),
    [
        (Processor(machine="x86_64", name="", features=("avx2",)), 8 << 30, 8 << 30, ["no VNNI"]),
        (Processor(machine="x86_64", name="", features=("avx_vnni",)), 8 << 30, 8 << 30, []),
        (Processor(machine="aarch64", name="", features=("asimd",)), 8 << 30, 8 << 30, ["no dot product"]),
        (Processor(machine="aarch64", name="", features=("asimddp",)), 1 << 30, 1 << 20, ["4 GiB", "2 GiB"]),
    ],
)
def test_remarks_say_what_a_machine_lacks(processor: Processor, available: int, free: int, said: list[str]) -> None:
    remarks = remarks_on(processor, memory_available=available, scratch_free=free)
    assert len(remarks) == len(said)
    assert all(text in remark for text, remark in zip(said, remarks, strict=True))
