"""Times `edgeproof convert --to all` beside plain scripts that call each upstream tool once, in turn, in one run.

    .venv/bin/python benchmarks/speed.py                    # everything, three times; writes benchmarks/results/speed.*
    .venv/bin/python benchmarks/speed.py --only minilm --repeats 1

The plain scripts judge nothing; ours has parity included. The exit code is 1 if a target of `_TARGETS` is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from measure import EDGEPROOF, Cost, machine, machine_text, markdown_table, megabytes, run, spread
from models.fetch import fetch_all
from timeline import Timeline, timeline_of, timeline_text

_HERE = Path(__file__).resolve().parent
_RESULTS = _HERE / "results"
_PUBLISHED = _HERE / "models" / "torch_models.py"
_FACTORIES = {
    "digits_cnn": f"{_HERE / 'models' / 'sample_models.py'}:digits_cnn",
    "efficientnet_lite0": f"{_PUBLISHED}:efficientnet_lite0",
    "minilm": f"{_PUBLISHED}:minilm",
}
_SCRIPTS = {"to_torchscript": "pt", "to_executorch": "pte", "to_onnx": "onnx", "to_litert": "tflite"}
OURS, APART, TOGETHER = "edgeproof", "four processes", "one process"
_TARGETS = {
    "wall, ours / four processes": 0.6,
    "wall, ours / one process": 0.8,
    "peak of a worker, ours / four processes": 1.2,
    "peak of a worker, ours / one process": 1.2,
    "edgeproof --help, seconds": 0.15,
    "edgeproof inspect, seconds": 0.5,
}
_SMALL_REPEATS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run of one contender: seconds on the clock, seconds of processor, the largest process."""

    wall_seconds: float
    processor_seconds: float
    peak_bytes: int
    timeline: Timeline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One figure beside its target."""

    subject: str
    figure: str
    value: float
    target: float

    @property
    def met(self) -> bool:
        """Whether it is not above the target."""
        return self.value <= self.target


def main() -> int:
    """Run, print, write; returns the exit code."""
    options = _options()
    fetch_all()
    before = machine()
    trials = {name: _trials_of(_FACTORIES[name], options) for name in options.only or _FACTORIES}
    small = _small_commands()
    scores = [*(score for name, found in trials.items() for score in _scores_of(name, found)), *_small_scores(small)]
    text = _report(trials, small, scores, before)
    print(text)
    if not options.only:
        _write(trials, small, scores, before, text)
    return 0 if all(score.met for score in scores) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(_FACTORIES), help="repeatable")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="rounds, in each of which all take part")
    parser.add_argument("--jobs", type=int, metavar="N", help="workers at a time for edgeproof")
    parser.add_argument("--ours-only", action="store_true", help="leave the plain scripts out, to look at our own time")
    return parser.parse_args()


def _trials_of(factory: str, options: argparse.Namespace) -> dict[str, list[Trial]]:
    """All contenders in turn, another one first in every round, so that what disturbs the machine disturbs all."""
    contenders: dict[str, Callable[[str, Path], Trial]] = {OURS: lambda of, folder: _ours(of, folder, options.jobs)}
    if not options.ours_only:
        contenders |= {APART: _apart, TOGETHER: _together}
    found: dict[str, list[Trial]] = {name: [] for name in contenders}
    names = list(contenders)
    for turn in range(options.repeats):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            print(f"{factory.rpartition(':')[2]}, round {turn + 1}: {name} ...", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory() as scratch:
                found[name].append(contenders[name](factory, Path(scratch)))
    return found


def _ours(factory: str, folder: Path, jobs: int | None) -> Trial:
    slots = jobs or len(os.sched_getaffinity(0))
    command = [EDGEPROOF, "convert", factory, "--to", "all", "-o", str(folder / "out"), "--json", "-v"]
    cost = _required(run([*command, "--jobs", str(slots)]))
    timings = json.loads(cost.stdout)["timings"]
    found = timeline_of(cost.stderr, timings, wall_seconds=cost.wall_seconds, slots=slots)
    return _trial(cost, timeline=found)


def _apart(factory: str, folder: Path) -> Trial:
    costs = [
        _required(
            run([sys.executable, str(_HERE / "plain" / f"{script}.py"), factory, str(folder / f"model.{suffix}")])
        )
        for script, suffix in _SCRIPTS.items()
    ]
    return Trial(
        wall_seconds=sum(cost.wall_seconds for cost in costs),
        processor_seconds=sum(cost.processor_seconds for cost in costs),
        peak_bytes=max(cost.peak_bytes for cost in costs),
    )


def _together(factory: str, folder: Path) -> Trial:
    return _trial(_required(run([sys.executable, str(_HERE / "plain" / "to_all.py"), factory, str(folder)])))


def _required(cost: Cost) -> Cost:
    if cost.code:
        raise SystemExit(
            f"a contender failed with exit code {cost.code}, so there is nothing to compare:\n{cost.stderr}"
        )
    return cost


def _trial(cost: Cost, *, timeline: Timeline | None = None) -> Trial:
    return Trial(
        wall_seconds=cost.wall_seconds,
        processor_seconds=cost.processor_seconds,
        peak_bytes=cost.peak_bytes,
        timeline=timeline,
    )


def _small_commands() -> dict[str, list[float]]:
    """Seconds of commands that a person waits for, as whole processes."""
    with tempfile.TemporaryDirectory() as scratch:
        artifacts = Path(scratch) / "out"
        _required(run([EDGEPROOF, "convert", _FACTORIES["digits_cnn"], "--to", "all", "-o", str(artifacts), "-q"]))
        commands = {"--help": [EDGEPROOF, "--help"]}
        files = sorted(path for path in artifacts.iterdir() if path.suffix in {".pt", ".pte", ".tflite", ".onnx"})
        commands |= {f"inspect {path.suffix}": [EDGEPROOF, "inspect", str(path)] for path in files}
        return {
            name: [_required(run(command)).wall_seconds for _ in range(_SMALL_REPEATS)]
            for name, command in commands.items()
        }


def _scores_of(model: str, trials: dict[str, list[Trial]]) -> Iterator[Score]:
    for other in (APART, TOGETHER):
        if other in trials:
            yield _score(model, f"wall, ours / {other}", _ratio(trials, other, "wall_seconds"))
            yield _score(model, f"peak of a worker, ours / {other}", _ratio(trials, other, "peak_bytes"))


def _ratio(trials: dict[str, list[Trial]], other: str, figure: str) -> float:
    return _median(trials[OURS], figure) / _median(trials[other], figure)


def _median(trials: list[Trial], figure: str) -> float:
    return spread([getattr(trial, figure) for trial in trials], digits=6)["median"]


def _small_scores(small: dict[str, list[float]]) -> Iterator[Score]:
    for name, seconds in small.items():
        figure = f"edgeproof {name.partition(' ')[0]}, seconds"
        yield _score(f"edgeproof {name}", figure, spread(seconds, digits=3)["median"])


def _score(subject: str, figure: str, value: float) -> Score:
    return Score(subject=subject, figure=figure, value=round(value, 3), target=_TARGETS[figure])


def _report(
    trials: dict[str, dict[str, list[Trial]]],
    small: dict[str, list[float]],
    scores: list[Score],
    before: dict[str, Any],
) -> str:
    parts = [machine_text(before), "## Whole runs", _runs_table(trials), "## Targets", _scores_table(scores)]
    parts += ["## Small commands", _small_table(small), "## Where our time goes, in the run of median length"]
    for name, found in trials.items():
        middle = sorted(found[OURS], key=lambda trial: trial.wall_seconds)[len(found[OURS]) // 2]
        if middle.timeline:
            parts += [f"### {name}, {middle.wall_seconds:.1f} s", timeline_text(middle.timeline)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _runs_table(trials: dict[str, dict[str, list[Trial]]]) -> str:
    rows = [
        (
            model,
            contender,
            _spread_text([trial.wall_seconds for trial in found]),
            _spread_text([trial.processor_seconds for trial in found]),
            megabytes(_median(found, "peak_bytes")),
        )
        for model, contenders in trials.items()
        for contender, found in contenders.items()
    ]
    return markdown_table(("model", "what ran", "wall seconds", "user + system seconds", "largest process"), rows)


def _spread_text(values: list[float]) -> str:
    found = spread(values, digits=1)
    return f"{found['median']} ({found['min']} to {found['max']})"


def _scores_table(scores: list[Score]) -> str:
    rows = [
        (score.subject, score.figure, f"{score.value:.2f}", f"{score.target:g}", "met" if score.met else "missed")
        for score in scores
    ]
    return markdown_table(("what", "figure", "measured", "at most", ""), rows)


def _small_table(small: dict[str, list[float]]) -> str:
    found = {name: spread(seconds, digits=3) for name, seconds in small.items()}
    rows = [
        (f"edgeproof {name}", *(f"{figures[key]:.3f}" for key in ("median", "min", "max")))
        for name, figures in found.items()
    ]
    return markdown_table(("command", "median s", "min", "max"), rows)


def _write(
    trials: dict[str, dict[str, list[Trial]]],
    small: dict[str, list[float]],
    scores: list[Score],
    before: dict[str, Any],
    text: str,
) -> None:
    _RESULTS.mkdir(exist_ok=True)
    document = {
        "machine": before,
        "runs": {
            model: {name: [asdict(trial) for trial in found] for name, found in contenders.items()}
            for model, contenders in trials.items()
        },
        "small_commands": small,
        "scores": [{**asdict(score), "met": score.met} for score in scores],
    }
    (_RESULTS / "speed.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (_RESULTS / "speed.md").write_text(f"# Speed and memory\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
