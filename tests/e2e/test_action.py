"""The GitHub Action: its description is valid, and its steps do with a folder of artifacts what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import edgeproof

from edgeproof.validators.parity import Status, Verdict
from edgeproof.validators.reports.json import decode

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ACTION = Path(__file__).resolve().parents[2] / ".github" / "actions" / "parity" / "action.yml"
DESCRIBED: dict[str, Any] = yaml.safe_load(ACTION.read_text())
STEPS: list[dict[str, Any]] = DESCRIBED["runs"]["steps"]
EXPRESSION = re.compile(r"\$\{\{\s*(?P<name>[\w.-]+)\s*\}\}")
MODEL = """
import torch

def build():
    torch.manual_seed(0)
    return torch.nn.Linear(8, 4), (torch.ones(1, 8),)

def another():
    torch.manual_seed(1)
    return torch.nn.Linear(8, 4), (torch.ones(1, 8),)
"""
Run = Callable[..., "Ran"]


class Ran:
    """A step that ran: its exit code, what it printed, its outputs and the job's summary."""

    def __init__(self, done: subprocess.CompletedProcess[str], folder: Path) -> None:
        self.code = done.returncode
        self.shown = done.stdout + done.stderr
        self.outputs = dict(line.split("=", 1) for line in read(folder / "output").splitlines())
        self.summary = read(folder / "summary")

    @property
    def commands(self) -> list[str]:
        return [line.split()[0] for line in self.shown.splitlines() if line.startswith("::")]


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def step(name: str) -> dict[str, Any]:
    [found] = [each for each in STEPS if each["name"] == name]
    return found


def run_step(name: str, inputs: dict[str, str], *, cwd: Path, runner: Path, programs: Path) -> Ran:
    """Run a step's bash as the runner does: inputs reach it through its environment."""
    values = {f"inputs.{key}": str(given.get("default", "")) for key, given in DESCRIBED["inputs"].items()}
    values |= {f"inputs.{key}": value for key, value in inputs.items()} | {"github.action_path": str(ACTION.parent)}
    given = {key: EXPRESSION.sub(lambda match: values[match["name"]], text) for key, text in step(name)["env"].items()}
    runner.mkdir(exist_ok=True)
    (runner / "script.sh").write_text(step(name)["run"])
    environment = {
        **os.environ, **given, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "RUNNER_TEMP": str(runner),
        "GITHUB_OUTPUT": str(runner / "output"), "GITHUB_STEP_SUMMARY": str(runner / "summary"),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", runner / "script.sh"],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    return Ran(done, runner)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with artifacts that pass, and a copy of which one file was changed."""
    folder = tmp_path_factory.mktemp("a project")
    (folder / "net.py").write_text(MODEL)
    done = edgeproof("convert", "net.py:build", "--to", "onnx,torchscript", "-o", "out", "-q", folder=folder)
    assert done.code == 0, done.stdout + done.stderr
    shutil.copytree(folder / "out", folder / "changed")
    with (folder / "changed" / "net.onnx.fp32.onnx").open("ab") as stream:
        stream.write(b"\0")
    return folder


@pytest.fixture
def judge(project: Path, tmp_path: Path) -> Run:
    """Runs the step that judges, with the edgeproof of this environment on the path."""

    def run(**inputs: str) -> Ran:
        programs = Path(sys.executable).parent
        return run_step("Judge the artifacts", inputs, cwd=project, runner=tmp_path / "runner", programs=programs)

    return run


def test_every_step_is_one_that_a_composite_action_may_have() -> None:
    assert DESCRIBED["runs"]["using"] == "composite"
    for each in STEPS:
        assert ("uses" in each) != ("run" in each)
        assert ("shell" in each) == ("run" in each)
        assert set(each) <= {"name", "id", "if", "shell", "env", "run", "uses", "with"}


def test_every_input_and_output_is_described_and_used() -> None:
    text = ACTION.read_text()
    declared = set(DESCRIBED["inputs"])
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == declared
    assert declared == {"path", "against", "report", "baseline", "arguments", "python-version"}
    ids = {each["id"] for each in STEPS if "id" in each}
    for output in DESCRIBED["outputs"].values():
        [reference] = EXPRESSION.findall(output["value"])
        assert reference.split(".")[:3:2] == ["steps", "outputs"]
        assert reference.split(".")[1] in ids
    for part in (DESCRIBED, *DESCRIBED["inputs"].values(), *DESCRIBED["outputs"].values()):
        assert part["description"]


def test_no_text_of_a_user_becomes_part_of_a_script() -> None:
    assert [each["name"] for each in STEPS if "${{" in each.get("run", "")] == []


def test_artifacts_that_pass_go_on(judge: Run) -> None:
    ran = judge(path="out")
    assert ran.code == 0, ran.shown
    assert ran.commands == ["::notice"]
    assert ran.outputs["verdict"] == "PASS"
    assert decode(Path(ran.outputs["report"]).read_bytes()).verdict is Verdict.PASS
    assert ran.summary.startswith("## PASS: ")


def test_an_artifact_that_fails_stops_the_job_and_is_annotated(judge: Run) -> None:
    ran = judge(path="changed")
    assert ran.code == 1
    assert ran.commands == ["::error", "::notice"]
    assert ran.outputs["verdict"] == "FAIL"
    assert ran.summary.startswith("## FAIL: ")


def test_one_artifact_reports_and_arguments_arrive(judge: Run, project: Path) -> None:
    ran = judge(
        path="out/net.onnx.fp32.onnx", against="net.py:build", report="junit=a b.xml,json=own.json",
        arguments="--jobs\n1\n\n--quiet\n",
    )  # fmt: skip
    assert ran.code == 0, ran.shown
    assert ran.outputs == {"verdict": "PASS", "report": "own.json"}
    assert "<testsuite" in (project / "a b.xml").read_text()
    [row] = decode((project / "own.json").read_bytes()).results
    assert (row.format, row.status) == ("onnx", Status.PASS)


def test_another_source_fails(judge: Run) -> None:
    assert judge(path="out", against="net.py:another").outputs["verdict"] == "FAIL"


def test_a_regression_is_no_pass_for_whoever_reads_the_verdict(judge: Run, project: Path) -> None:
    report = (project / "out" / "parity.json").read_text()
    (project / "base.json").write_text(re.sub(r'"bytes": \d+', '"bytes": 10', report))
    ran = judge(path="out", baseline="base.json")
    assert ran.code == 1
    assert ran.outputs["verdict"] == "FAIL"
    assert decode(Path(ran.outputs["report"]).read_bytes()).verdict is Verdict.PASS
    assert "worse than the baseline" in ran.shown
    assert judge(path="out", baseline="out/parity.json").code == 0


@pytest.mark.parametrize("path", ["missing", "-rf", "", "$(touch made); `touch made`"])
def test_what_cannot_be_judged_is_no_pass_and_nothing_old_speaks_for_it(path: str, judge: Run, project: Path) -> None:
    (project / "old.json").write_text((project / "out" / "parity.json").read_text())
    ran = judge(path=path, report="json=old.json")
    assert ran.code == 2, ran.shown
    assert ran.outputs == {"verdict": "NOT_RUN", "report": ""}
    assert not (project / "made").exists()


def test_installing_takes_torch_first_and_the_repository_that_the_action_is_of(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$*" >> pip.log\n')
    python.chmod(0o755)
    ran = run_step("Install edgeproof", {}, cwd=tmp_path, runner=tmp_path / "runner", programs=python.parent)
    assert ran.code == 0, ran.shown
    root = ACTION.parents[3]
    assert (tmp_path / "pip.log").read_text().splitlines() == [
        f"-m pip install -c {root}/constraints.txt torch",
        f"-m pip install -c {root}/constraints.txt {root}[all]",
    ]
    assert (root / "constraints.txt").is_file()
    assert step("Install edgeproof")["if"] == step("Set up Python")["if"] == "inputs.python-version != ''"
