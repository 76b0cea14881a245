from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.companions import Companion, Role
from edgeproof.converters.errors import NotRunnable, UsageError
from edgeproof.converters.manifest import file_sha256
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.backend_recipe import BackendRecipe
from edgeproof.converters.signature import Signature
from edgeproof.converters.source import Framework, Source, SourceKind
from edgeproof.converters.worker.stacks import Stack
from edgeproof.validators import micro
from edgeproof.validators.golden import Golden
from edgeproof.validators.micro import (
    is_had_otherwise,
    micro_run_task,
    require_micro,
    simulator_of,
    with_micro_precisions,
)
from edgeproof.validators.request import Request
from edgeproof.validators.rows import changed_row

ETHOS = "ethos-u55-128"


def request(
    *formats: str, backend: str | None = ETHOS, precisions: tuple[Precision, ...] = (Precision.INT8,)
) -> Request:
    source = Source(name="net", framework=Framework.TORCH, kind=SourceKind.FACTORY, factory="net.py:build")
    return Request(source=source, formats=formats, output=Path("out"), backend=backend, precisions=precisions)


def test_int8_is_what_each_format_has_of_it():
    wanted = with_micro_precisions(request("executorch", "litert"))
    assert wanted.precisions == (Precision.INT8, Precision.INT8_FULL)
    assert with_micro_precisions(request("executorch")).precisions == (Precision.INT8,)
    assert with_micro_precisions(request("litert")).precisions == (Precision.INT8_FULL,)
    require_micro(wanted)
    assert is_had_otherwise(wanted, "litert")


def test_other_backends_keep_their_precisions():
    asked = request("executorch", "litert", backend="portable")
    assert with_micro_precisions(asked) is asked
    assert not is_had_otherwise(asked, "litert")
    require_micro(asked)


def test_a_precision_that_nothing_stands_for_is_not_passed_over():
    asked = with_micro_precisions(request("executorch", precisions=(Precision.INT8_FULL,)))
    assert asked.precisions == (Precision.INT8_FULL,)
    assert not is_had_otherwise(asked, "executorch")


@pytest.mark.parametrize(
    ("asked", "says", "fix"),
    [
        (request("executorch", "onnx"), "onnx artifacts are not made for ethos-u55-128", "--to executorch,litert"),
        (request("litert", backend="cortex-m55"), "litert artifacts are not made for cortex-m55", "--to executorch"),
        (request("executorch", precisions=(Precision.FP32,)), "8 bits, and fp32 was asked", "--precision int8"),
    ],
)
def test_what_a_backend_is_not_made_in_is_refused_before_anything_starts(asked: Request, says: str, fix: str):
    with pytest.raises(UsageError, match=says) as caught:
        require_micro(asked)
    assert fix in caught.value.fix


def artifact(folder: Path, **changes: object) -> Artifact:
    file = folder / "net.executorch.int8.pte"
    file.write_bytes(b"program")
    beside = folder / "net.executorch.int8.tosa"
    beside.write_bytes(b"graph")
    made = Artifact(
        file=str(file),
        format="executorch",
        backend=ETHOS,
        precision=Precision.INT8,
        signature=Signature(inputs=(), outputs=()),
        sha256=file_sha256(file),
        bytes=7,
        companions=(Companion(role=Role.TOSA, file=beside.name, sha256=file_sha256(beside), bytes=5),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_it_runs_on_this_machine_alone(tmp_path: Path):
    with pytest.raises(NotRunnable, match="judged on this machine"):
        micro_run_task(artifact(tmp_path), "arm64:cortex-a76", golden=Golden(tmp_path), outputs=tmp_path / "out.npz")


def test_without_the_tools_it_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDGEPROOF_CACHE", str(tmp_path / "cache"))
    with pytest.raises(NotRunnable, match="not installed") as caught:
        micro_run_task(artifact(tmp_path), "host", golden=Golden(tmp_path), outputs=tmp_path / "out.npz")
    assert caught.value.fix == "edgeproof targets install ethos-u"


def test_with_the_tools_it_runs_where_they_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDGEPROOF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(micro, "missing_for", lambda _stack: None)
    task = micro_run_task(artifact(tmp_path), "host", golden=Golden(tmp_path), outputs=tmp_path / "out.npz")
    assert task.stack is Stack.MICRO
    assert task.entry == "edgeproof.validators.runners.micro_executorch:run"
    assert task.site == str(tmp_path / "cache" / "targets" / "ethos-u" / "packages")


def test_a_changed_file_beside_an_artifact_is_a_changed_artifact(tmp_path: Path):
    made = artifact(tmp_path)
    assert changed_row(made, "host") is None
    Path(made.companion(Role.TOSA)[0]).write_bytes(b"other")
    row = changed_row(made, "host")
    assert row is not None
    assert "net.executorch.int8.tosa is not the file that was made" in row.reason
    Path(made.companion(Role.TOSA)[0]).unlink()
    row = changed_row(made, "host")
    assert row is not None
    assert "is missing" in row.reason


def test_only_what_a_backend_quantised_has_a_simulation_of_its_own(tmp_path: Path):
    assert simulator_of(artifact(tmp_path)) == ""
    recipe = BackendRecipe(quantizer="EthosUQuantizer", calls=1, calibration_sha256="")
    assert simulator_of(artifact(tmp_path, backend_recipe=recipe)).endswith(".micro.simulate:simulate")
