"""The micro edge: Ethos-U through Vela, Cortex-M through CMSIS-NN's operators, and faults that must show."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Done, edgeproof

from edgeproof.converters.errors import NotRunnable
from edgeproof.validators.targets import micro

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.torch, pytest.mark.linux]

# `gain` plants a fault: the whole model is the same but for one channel of the first layer.
MODEL = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, gain, top):
        super().__init__()
        self.top = top
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8)
        self.last = nn.Conv2d(8, 16, 3, stride=2)
        self.head = nn.Linear(144, 10)
        with torch.no_grad():
            self.first.weight[0] *= gain

    def forward(self, image):
        features = self.first(image).relu()
        if self.top:
            features = torch.topk(features, 8, dim=1)[0]
        features = torch.max_pool2d(self.depthwise(features).relu(), 2)
        return self.head(self.last(features).relu().flatten(1))


def build(gain="1", top=""):
    torch.manual_seed(0)
    return Net(float(gain), bool(top)), (torch.randn(1, 3, 16, 16),)
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model, calibration and samples, beside the tools in a cache of their own."""
    folder = tmp_path_factory.mktemp("micro")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(micro_cache(), str(folder / "cache"))
        try:
            micro.install()
        except NotRunnable as error:
            pytest.skip(f"the tools of the micro-edge backends cannot be installed: {error.message}")
    (folder / "net.py").write_text(MODEL)
    random = np.random.default_rng(0)
    for name, count in (("calibration", 32), ("samples", 6)):
        np.savez(folder / f"{name}.npz", image=random.standard_normal((count, 3, 16, 16)).astype(np.float32))
    return folder


def micro_cache() -> str:
    return "EDGEPROOF_CACHE"


@pytest.fixture(autouse=True)
def tools(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(micro_cache(), str(workshop / "cache"))


def convert(workshop: Path, *arguments: str, backend: str, to: str, output: str) -> Done:
    given = ("--precision", "int8", "--calibration", "calibration.npz", "--json", "-q")
    samples = () if "--no-verify" in arguments else ("--samples", "samples.npz")
    return edgeproof(
        *("convert", "net.py:build", "--to", to, "--backend", backend, "-o", output, *given, *samples, *arguments),
        folder=workshop,
    )


def rows(done: Done) -> dict[str, dict[str, Any]]:
    return {row["format"]: row for row in done.document["report"]["results"]}


@pytest.fixture(scope="module")
def ethos(workshop: Path) -> Done:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(micro_cache(), str(workshop / "cache"))
        done = convert(workshop, backend="ethos-u55-128", to="executorch,litert", output="ethos")
    assert done.code == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def cortex(workshop: Path) -> Done:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(micro_cache(), str(workshop / "cache"))
        done = convert(workshop, backend="cortex-m55", to="executorch", output="cortex")
    assert done.code == 0, done.stdout + done.stderr
    return done


def test_ethos_u_has_both_formats_and_says_who_judged_them(ethos: Done):
    made = rows(ethos)
    assert {name: row["status"] for name, row in made.items()} == {"executorch": "PASS", "litert": "PASS"}
    assert [row["precision"] for row in made.values()] == ["int8", "int8-full"]
    for row in made.values():
        assert row["backend"] == "ethos-u55-128"
        assert any("no simulator of an Ethos-U is to be had" in note for note in row["notes"])
    assert "TOSA reference model" in made["executorch"]["run_by"]
    assert "tflite_micro" in made["litert"]["run_by"] or "tflite-micro" in made["litert"]["run_by"]


def test_what_vela_expects_is_in_the_report(ethos: Done):
    for row in rows(ethos).values():
        estimate = row["estimate"]
        assert estimate["by"].startswith("Vela 5.")
        assert estimate["cycles"] > 1000
        assert estimate["milliseconds"] > 0
        assert estimate["sram_bytes"] > 0
        assert estimate["operators_on_npu"] > 3
        assert estimate["operators_on_cpu"] == 0


def test_a_bundle_for_microcontrollers_holds_what_was_compiled(workshop: Path, ethos: Done):
    assert ethos.code == 0
    made = edgeproof("bundle", "ethos", "-o", "ethos.zip", "--json", "-q", folder=workshop)
    assert made.code == 0, made.stderr
    assert made.document["platforms"] == ["micro"]
    for artifact in made.document["artifacts"]:
        compiled = (workshop / "ethos" / Path(artifact["file"]).name).read_bytes()
        assert artifact["sha256"] == hashlib.sha256(compiled).hexdigest()
    done = edgeproof("bundle", "verify", "ethos.zip", "--json", "-q", folder=workshop)
    assert done.code == 0, done.stderr
    assert {row["status"] for row in rows(done).values()} == {"PASS"}


def test_cortex_m_is_judged_through_its_reference_operators(cortex: Done):
    row = rows(cortex)["executorch"]
    assert row["status"] == "PASS"
    assert "estimate" not in row or row["estimate"] is None
    assert row["run_by"]["cortex-m"] == "ExecuTorch's reference operators"
    assert any("CMSIS-NN kernels of a cortex-m55 were not executed" in note for note in row["notes"])


def test_what_stays_with_the_cpu_is_a_warning_and_still_judged(workshop: Path):
    done = convert(workshop, "--model-arg", "top=1", backend="ethos-u85-256", to="executorch", output="mixed")
    row = rows(done)["executorch"]
    assert row["status"] == "PASS", row["reason"]
    (warning,) = [note for note in row["notes"] if note.startswith("warning")]
    assert "aten.topk (net.py:" in warning
    assert row["estimate"]["operators_on_cpu"] == 1
    assert len(list((workshop / "mixed").glob("*.tosa"))) == 2


def test_made_twice_it_is_the_same_bytes(workshop: Path, ethos: Done, cortex: Done):
    assert ethos.code == cortex.code == 0
    for name, backend, to in (("ethos", "ethos-u55-128", "executorch,litert"), ("cortex", "cortex-m55", "executorch")):
        convert(workshop, "--no-verify", backend=backend, to=to, output=f"{name}-again")
        for first in [*(workshop / name).glob("net.*.pte"), *(workshop / name).glob("net.*.tflite")]:
            assert first.read_bytes() == (workshop / f"{name}-again" / first.name).read_bytes()


def test_verify_needs_the_folder_and_the_tools(
    workshop: Path, ethos: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert ethos.code == 0
    shutil.copytree(workshop / "ethos", tmp_path / "shipped")
    done = edgeproof("verify", "shipped", "--json", "-q", folder=tmp_path)
    assert set(done.statuses.values()) == {"PASS"}, done.stdout
    monkeypatch.setenv(micro_cache(), str(tmp_path / "empty"))
    done = edgeproof("verify", "shipped", "--json", "-q", folder=tmp_path)
    assert set(done.statuses.values()) == {"NOT_RUN"}
    assert done.code == 4
    assert all(row["fix"] == "edgeproof targets install ethos-u" for row in rows(done).values())


def test_another_model_in_the_files_is_not_the_simulation(workshop: Path, ethos: Done, tmp_path: Path):
    """One channel of a layer is eight times as large, in the TOSA graph, in the program, and in the LiteRT file."""
    assert ethos.code == 0
    options = ("--model-arg", "gain=8", "--no-verify")
    convert(workshop, *options, backend="ethos-u55-128", to="executorch,litert", output="faulty")
    shipped = tmp_path / "shipped"
    shutil.copytree(workshop / "ethos", shipped)
    for name in ("net.executorch.int8.pte", "net.executorch.int8.tosa", "net.litert.int8-full.tflite"):
        shutil.copy(workshop / "faulty" / name, shipped)
    shutil.copy(workshop / "faulty" / "net.litert.int8-full.before-vela.tflite", shipped)
    believe(shipped)
    done = edgeproof("verify", "shipped", "--json", "-q", folder=tmp_path)
    for row in rows(done).values():
        assert (row["status"], row["code"]) == ("FAIL", "not-the-simulation"), row["reason"]


def test_a_part_that_vela_did_not_make_of_the_graph_is_not_judged(workshop: Path, ethos: Done, tmp_path: Path):
    assert ethos.code == 0
    shutil.copytree(workshop / "ethos", tmp_path / "shipped")
    for name in ("net.executorch.int8.pte", "net.litert.int8-full.tflite"):
        file = tmp_path / "shipped" / name
        flip(file, len(file.read_bytes()) // 2)
    believe(tmp_path / "shipped")
    done = edgeproof("verify", "shipped", "--json", "-q", folder=tmp_path)
    for row in rows(done).values():
        assert row["status"] == "LOAD_FAIL", row["reason"]
        assert "is not what Vela makes of" in row["reason"]


def test_weights_of_a_cortex_m_program_with_another_sign_fail(workshop: Path, cortex: Done, tmp_path: Path):
    assert cortex.code == 0
    shutil.copytree(workshop / "cortex", tmp_path / "shipped")
    file = tmp_path / "shipped" / "net.executorch.int8.pte"
    place = weights_of(file)
    flip(file, *range(place, place + 64), bits=0x80)
    believe(tmp_path / "shipped")
    done = edgeproof("verify", "shipped", "--json", "-q", folder=tmp_path)
    row = rows(done)["executorch"]
    assert (row["status"], row["code"]) == ("FAIL", "not-the-simulation"), row["reason"]


def weights_of(file: Path) -> int:
    """A place in the middle of the densest kilobyte: constants are where most bytes differ from their neighbours."""
    data = np.frombuffer(file.read_bytes(), np.uint8)
    changes = np.convolve(data[1:] != data[:-1], np.ones(1024), mode="valid")
    return int(changes.argmax()) + 384


def flip(file: Path, *places: int, bits: int = 1) -> None:
    data = bytearray(file.read_bytes())
    for place in places:
        data[place] ^= bits
    file.write_bytes(bytes(data))


def believe(folder: Path) -> None:
    """Let the manifest have the hashes of the files as they are now: the fault itself is to be found."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for record in document["artifacts"]:
        for file in (record, *record["companions"]):
            file["sha256"] = hashlib.sha256((folder / file["file"]).read_bytes()).hexdigest()
    path.write_text(json.dumps(document), encoding="utf-8")


def test_without_the_tools_a_conversion_is_not_run(workshop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(micro_cache(), str(tmp_path))
    done = convert(workshop, backend="cortex-m55", to="executorch", output="absent")
    row = rows(done)["executorch"]
    assert (done.code, row["status"], row["fix"]) == (4, "NOT_RUN", "edgeproof targets install ethos-u")


@pytest.mark.parametrize(("to", "precision"), [("executorch", "fp32"), ("onnx", "int8")])
def test_what_the_micro_edge_does_not_have_is_said_at_once(workshop: Path, to: str, precision: str):
    done = edgeproof(
        *("convert", "net.py:build", "--to", to, "--precision", precision, "--backend", "ethos-u55-128"),
        *("--calibration", "calibration.npz", "-o", "never"),
        folder=workshop,
    )
    assert done.code == 2
    assert "ethos-u55-128" in done.stderr
