"""Hostile and damaged checkpoints through the whole path: no canary fires, and every refusal has its fix."""

from __future__ import annotations

import marshal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest
from corpus.case import Canaries, Case
from corpus.damage import damaged
from corpus.keras import _lambda_code
from corpus.make import make_corpus
from corpus.opcodes import routes
from corpus.report import Report
from corpus.seeds import seeds
from corpus.trial import Trial, opened_trial

from edgeproof.cli.main import run

pytestmark = pytest.mark.e2e
_DAMAGED = 20  # of every sound file: cut off at every tenth, and ten times changed
_SEED = 20260101
_SECONDS = 20.0


class Corpus:
    """Everything that is tried, and the workers that try it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.canaries = Canaries(folder / "watched")
        self.cases = make_corpus(folder / "corpus", self.canaries)
        self.trial: Trial = opened_trial(folder)
        self.report = Report(seed=_SEED, first=0, canaries=self.canaries, failures=None)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", "")
        made = Corpus(tmp_path_factory.mktemp("corpus"))
        with made.trial.pool:
            yield made


def _sound(corpus: Corpus) -> list[Case]:
    return [
        Case(kind=each.kind, name=each.path.name, path=each.weights or each.path,
             model=str(each.path) if each.weights else each.model, inputs=each.inputs)
        for each in seeds(corpus.folder)
    ]  # fmt: skip


def test_what_is_damaged_here_opens_while_it_is_sound(corpus: Corpus) -> None:
    refused = {verdict.case.kind for verdict in corpus.trial.run(_sound(corpus)) if verdict.outcome != "loaded"}
    artifacts = {"ONNX", "LiteRT", "ExecuTorch"}  # these are inspected, and nothing is made from them
    code = {"pickled module", "Keras 3 .keras with a Lambda", "Transformers"}
    assert refused == artifacts | code | {"TorchScript"}  # one of the two takes a number


def test_no_canary_fires_and_every_refusal_has_its_fix(corpus: Corpus) -> None:
    corpus.report.add(corpus.trial.run(corpus.cases), corpus.cases)
    assert len(corpus.cases) > 900
    assert corpus.report.failures() == []


def test_damaged_files_are_refused_in_words(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [
        damaged(seed, number, _SEED, corpus.folder / "damaged" / f"{place}-{number}")
        for place, seed in enumerate(seeds(corpus.folder))
        for number in range(_DAMAGED)
    ]
    corpus.report.add(corpus.trial.run(cases), cases)
    with capsys.disabled():
        print(f"\n{corpus.report.text()}")
    assert len(cases) >= 300
    assert corpus.report.failures() == []


def test_the_command_line_itself_says_the_same(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of canary once, in this very process: inspect, and convert as far as a refusal."""
    first = {case.kind: case for case in corpus.cases if case.path.name.isprintable()}
    for case in first.values():
        options = [*(("--model", case.model) if case.model else ()), "-o", str(corpus.folder / "out")]
        for arguments in (["inspect", str(case.path)], ["convert", str(case.path), "--to", "onnx", *options]):
            if arguments[0] == "convert" and case.kind not in _REFUSED_AT_ONCE:
                continue
            started = time.monotonic()
            code = run(arguments)
            said = capsys.readouterr()
            assert code in ({0, 2, 3, 5} if arguments[0] == "inspect" else {2, 3, 5}), (case.name, said.err)
            assert code == 0 or "\nfix: " in f"\n{said.err}", case.name
            assert "Traceback" not in said.out + said.err
            assert time.monotonic() - started < _SECONDS
    assert corpus.canaries.fired() == []


_REFUSED_AT_ONCE = ("canary: torch zip", "canary: torch tar", "canary: archive", "odd place", "canary: ONNX")


def test_these_canaries_would_fire_if_anything_ran_them(tmp_path: Path) -> None:
    """The other side of the coin: a corpus of duds would prove nothing."""
    marks = Canaries(tmp_path)
    live: dict[str, bytes] = {}
    for target in ("posix:system", "builtins:eval"):
        mark = marks.mark(target.replace(":", "."))
        argument = f"open({mark!r} + '-%s', 'w')" if target == "builtins:eval" else f"touch {mark}-%s"
        for route, _ in routes(target, ""):
            pickled = dict(routes(target, argument % route))[route]
            live[f"{target.replace(':', '.')}-{route}"] = pickled
    script = "import pickle, sys\ntry:\n    pickle.load(sys.stdin.buffer)\nexcept BaseException:\n    pass\n"
    duds = {"persistent", "newobj", "newobj-ex", "after-stop"}  # what only a careless reader would fall for
    for name in sorted(live):
        if name.startswith("posix.system-") and name.removeprefix("posix.system-") not in duds:
            subprocess.run([sys.executable, "-c", script], input=live[name], check=True, timeout=30)
    fired = {name.removeprefix("posix.system-") for name in marks.fired()}
    assert fired == {name.removeprefix("posix.system-") for name in live if name.startswith("posix.system-")} - duds


def test_the_code_in_a_lambda_layer_would_fire_too(tmp_path: Path) -> None:
    marks = Canaries(tmp_path)
    code, _, _ = _lambda_code(marks.mark("lambda"))
    FunctionType(marshal.loads(b64decode(code)), globals())(1)
    assert marks.fired() == ["lambda"]
