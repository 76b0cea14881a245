from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from outcomes import failed_row, outcome_of, row_with, unmade_row

from edgeproof.cli.commands import convert as convert_command
from edgeproof.cli.main import run
from edgeproof.converters.job import Layout
from edgeproof.converters.signature import Dim
from edgeproof.converters.source import Framework, SourceKind
from edgeproof.validators.parity import ParityRow, Status
from edgeproof.validators.request import Outcome, Request

_MODEL = "import torch\n\ndef build():\n    return torch.nn.Identity()\n"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A factory in the current folder, which nobody runs."""
    (tmp_path / "net.py").write_text(_MODEL)
    monkeypatch.chdir(tmp_path)
    return "net.py:build"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """The requests that would have been run."""
    requests: list[Request] = []
    _certify_with(lambda request: (requests.append(request), outcome_of(row_with()))[1], monkeypatch)
    return requests


def _certify_with(answer: Callable[[Request], Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    def certify(request: Request, *, on_progress: object) -> Outcome:
        assert callable(on_progress)
        return answer(request)

    monkeypatch.setattr(convert_command, "certify", certify)


def test_a_source_alone_asks_for_everything(model: str, asked: list[Request]) -> None:
    assert run(["convert", model]) == 0
    [request] = asked
    assert request.source.framework is Framework.TORCH
    assert request.source.kind is SourceKind.FACTORY
    assert set(request.formats) >= {"torchscript", "executorch", "litert", "onnx"}
    assert [str(precision) for precision in request.precisions] == ["fp32"]
    assert request.output == Path("net.edgeproof")
    assert request.verify
    assert not request.overwrite
    assert request.targets == ("host",)
    assert request.limits.jobs >= 1


def test_every_option_arrives(model: str, asked: list[Request]) -> None:
    options = [
        "--to", "onnx,litert", "--precision", "fp32", "-o", "out", "--overwrite", "--model-arg", "width=32",
        "--input", "image:float32[1,3,8,8]", "--input", "scale:float32[1]", "--dynamic", "image.0=1..8",
        "--samples", "real.npz", "--on", "host", "--allow-flex", "--input-layout", "nhwc", "--output-layout", "nchw",
        "--jobs", "3", "--timeout", "60", "--memory", "2G", "--seed", "7", "--backend", "cpu", "-q",
    ]  # fmt: skip
    assert run(["convert", model, *options]) == 0
    [request] = asked
    assert request.formats == ("onnx", "litert")
    assert request.output == Path("out")
    assert request.overwrite
    assert request.source.inputs == ("image:float32[1,3,8,8]", "scale:float32[1]")
    assert dict(request.source.factory_args) == {"width": "32"}
    assert request.dynamic == {"image.0": Dim(name="batch", min=1, max=8)}
    assert request.samples == "real.npz"
    assert request.options.allow_flex
    assert request.options.input_layout is Layout.NHWC
    assert request.options.output_layout is Layout.NCHW
    assert (request.limits.jobs, request.limits.timeout, request.limits.memory) == (3, 60.0, 2 << 30)
    assert request.seed == 7
    assert request.backend == "cpu"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--to", "onyx"], "did you mean onnx?"),
        (["--to", "coreml"], "choose from"),
        (["--precision", "fp8"], "fp32"),
        (["--dynamic", "image=1..8"], 'such as "image.0=1..8"'),
        (["--memory", "lots"], "--memory 4G"),
        (["--model-arg", "width"], "--model-arg NAME=VALUE"),
        (["--on", "moon"], "host"),
        (["--no-verify", "--samples", "x.npz"], "leave one of them out"),
        (["--report", "xml=a"], "choose from json, junit, html, md"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_not_understood_is_refused_before_anything_starts(
    options: list[str], said: str, model: str, asked: list[Request], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["convert", model, *options]) == 2
    assert said in capsys.readouterr().err
    assert asked == []


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ((row_with(),), 0),
        ((row_with(), failed_row()), 1),
        ((row_with(), unmade_row()), 3),
        ((failed_row(), unmade_row()), 1),
        ((row_with(), unmade_row(status=Status.NOT_RUN, code="NotRunnable", exit_code=4)), 4),
        ((row_with(), unmade_row(code="WorkerKilled", exit_code=6)), 6),
    ],
    ids=["pass", "fail", "unmade", "fail and unmade", "not run", "crash"],
)
def test_the_exit_code_follows_the_rows(
    rows: tuple[ParityRow, ...], code: int, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _certify_with(lambda _request: outcome_of(*rows), monkeypatch)
    assert run(["convert", model, "-q"]) == code


@pytest.mark.parametrize(("rows", "code"), [((), 0), ((unmade_row(),), 3)], ids=["all made", "one not made"])
def test_without_verifying_only_what_was_not_made_counts(
    rows: tuple[ParityRow, ...], code: int, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unverified = row_with(status=Status.NOT_RUN, target="none", reason="not verified, as --no-verify asked")
    _certify_with(lambda _request: outcome_of(unverified, *rows), monkeypatch)
    assert run(["convert", model, "--no-verify", "-q"]) == code


def test_json_is_all_that_stdout_carries(model: str, asked: list[Request], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", model, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "PASS"
    assert len(asked) == 1


def test_reports_are_written_in_the_forms_asked_for(model: str, asked: list[Request], tmp_path: Path) -> None:
    assert run(["convert", model, "-q", "--report", "junit=a.xml,json=a.json", "--report", "md=a.md,html=a.html"]) == 0
    assert "<testsuite" in (tmp_path / "a.xml").read_text()
    assert json.loads((tmp_path / "a.json").read_text())["verdict"] == "PASS"
    assert "PASS" in (tmp_path / "a.md").read_text()
    assert "<html" in (tmp_path / "a.html").read_text()
    assert len(asked) == 1


def test_verbose_says_where_the_time_went(model: str, asked: list[Request], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", model, "-v"]) == 0
    assert "export 1.5, lower 2.5" in capsys.readouterr().err
    assert len(asked) == 1
