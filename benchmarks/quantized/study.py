"""One model: its data, its source's answers, every contender's artifact, and all of them timed in turn."""

from __future__ import annotations

import json
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .artifacts import Converted, in_float, in_int8
from .calls import Call, read_outputs
from .children import call
from .contenders import FLOAT, FORMATS, OURS, STATIC, SUFFIXES, Contender
from .making import Order
from .rows import Row
from .scores import accuracy_of
from .subjects import Subject

_TIMED_SECONDS = 0.5
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who takes part, how often each is timed, how long a step may take, and who is told what is going on.

    `options` are for edgeproof alone.
    """

    contenders: tuple[Contender, ...]
    rounds: int
    seconds: float
    report: Report
    options: tuple[str, ...] = ()


class Study:
    """One model in one folder, in which the calls, the float artifacts and the source's answers are kept."""

    def __init__(self, subject: Subject, folder: Path, plan: Plan) -> None:
        self._subject, self._folder, self._plan = subject, folder, plan
        self._calibration, self._held_out = folder / "calibration.npz", folder / "heldout.npz"
        self._float = Converted()
        self._reference: Call = {}

    def rows(self) -> list[Row]:
        """The float artifacts' rows first, then each contender's."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._provide_data()
        self._plan.report("float artifacts")
        self._float = in_float(self._subject, self._folder / FLOAT)
        if self._float.failure:
            raise SystemExit(f"{self._subject.name} has no float artifacts to compare with: {self._float.failure}")
        self._reference = self._answers_of_the_source()
        made = [*self._floats(), *self._made()]
        return list(self._timed([(self._scored(row, path), path) for row, path in made]))

    def _provide_data(self) -> None:
        if self._held_out.exists():
            return
        if self._subject.sample:
            shutil.copyfile(self._subject.sample.calibration, self._calibration)
            shutil.copyfile(self._subject.sample.evaluation, self._held_out)
            return
        assert self._subject.item
        where = {"model": self._subject.item.model, "framework": self._subject.framework, "folder": str(self._folder)}
        self._required("data:provide", where)

    def _answers_of_the_source(self) -> Call:
        path = self._folder / "reference.npz"
        if not path.exists():
            order = {"name": self._subject.name, "shapes": self._float.shapes, "outputs": self._float.outputs}
            where = {"calls": str(self._held_out), "path": str(path)}
            self._required(f"{self._subject.framework}_source:reference", {**order, **where})
        return read_outputs(path)

    def _required(self, function: str, arguments: Mapping[str, object]) -> None:
        done = call(function, arguments, seconds=self._plan.seconds)
        if done.failure:
            raise SystemExit(f"{self._subject.name}: {function} {done.failure}")

    def _floats(self) -> Iterator[tuple[Row, Path | None]]:
        formats = dict.fromkeys(each.format for each in self._plan.contenders)
        for name in FORMATS:
            if name in formats and (name, FLOAT) in self._float.files:
                row = Row(model=self._subject.name, format=name, mode=FLOAT, tool=OURS)
                yield row, self._float.files[name, FLOAT]

    def _made(self) -> Iterator[tuple[Row, Path | None]]:
        ours = [each for each in self._plan.contenders if each.ours]
        for each in self._plan.contenders:
            if not each.ours and self._subject.framework in each.frameworks:
                yield self._made_upstream(each)
        if ours:
            yield from self._made_here(ours)

    def _made_upstream(self, contender: Contender) -> tuple[Row, Path | None]:
        row = self._row(contender)
        self._plan.report(f"{contender.tool}, {contender.mode}")
        if (contender.format, FLOAT) not in self._float.files:
            return replace(row, failure="there is no float artifact"), None
        name = f"{contender.mode}.{contender.make.replace(':', '.')}.{SUFFIXES[contender.format]}"
        order = Order(
            name=self._subject.name,
            shapes=self._float.shapes,
            calibration=str(self._calibration),
            float_file=str(self._float.files[contender.format, FLOAT]),
            path=str(self._folder / name),
        )
        made = self._ordered(contender, order)
        return replace(row, **made), None if made["failure"] else Path(order.path)

    def _ordered(self, contender: Contender, order: Order) -> dict[str, Any]:
        """What became of an order, which is remembered beside the artifact: the same would come of it again."""
        memory = Path(f"{order.path}.json")
        if not memory.exists():
            started = time.monotonic()
            done = call(contender.make, order.as_json(), seconds=self._plan.seconds)
            made = {"failure": done.failure, "seconds_to_make": round(time.monotonic() - started, 1)}
            memory.write_text(json.dumps(made), encoding="utf-8")
        found: dict[str, Any] = json.loads(memory.read_text(encoding="utf-8"))
        return found

    def _made_here(self, contenders: Sequence[Contender]) -> Iterator[tuple[Row, Path | None]]:
        self._plan.report("edgeproof")
        options = ["--to", ",".join(dict.fromkeys(each.format for each in contenders))]
        options += ["--calibration", str(self._calibration), "--samples", str(self._held_out)]
        options += ["--timeout", str(self._plan.seconds), *self._plan.options]
        started = time.monotonic()
        made = in_int8(self._subject, self._folder / "int8", options)
        seconds = round(time.monotonic() - started, 1)
        for each in contenders:
            place = (each.format, each.mode)
            note = made.verdicts.get(place, "")
            path = made.files.get(place)
            failure = "" if path else made.failure or note or "there is no such artifact"
            measured = made.measured_layers if each.mode == STATIC else ""
            row = replace(self._row(each), failure=failure, note=note, measured_layers=measured)
            yield replace(row, seconds_to_make=seconds), path

    def _row(self, contender: Contender) -> Row:
        return Row(model=self._subject.name, format=contender.format, mode=contender.mode, tool=contender.tool)

    def _scored(self, row: Row, path: Path | None) -> Row:
        """The row with its accuracy and bytes, or with the reason why it cannot be run."""
        if path is None:
            return row
        answers = self._folder / "answers.npz"
        source = {"shapes": self._float.shapes, "outputs": self._float.outputs}
        order = {"kind": row.format, "file": str(path), "source": source}
        where = {"calls": str(self._held_out), "path": str(answers)}
        done = call("running:outputs", {**order, **where}, seconds=self._plan.seconds)
        size = path.stat().st_size
        ratio = size / self._float.files[row.format, FLOAT].stat().st_size
        told = call("running:integers", {"kind": row.format, "file": str(path)}, seconds=self._plan.seconds)
        integers = None if told.failure else round(told.value["integers"], 3)
        row = replace(row, bytes=size, size_of_float=round(ratio, 3), integers=integers)
        if done.failure:
            return replace(row, failure=f"when it runs: {done.failure}")
        try:
            found = accuracy_of(self._subject, self._reference, read_outputs(answers))
        except ValueError as error:
            return replace(row, failure=f"when it runs: {error}")
        return replace(row, **asdict(found))

    def _timed(self, scored: Sequence[tuple[Row, Path | None]]) -> Iterator[Row]:
        """Every artifact in a fresh process, all in turn, another one first in every round."""
        spent: dict[tuple[str, ...], list[float]] = {}
        running = [(row, path) for row, path in scored if path is not None and not row.failure]
        for turn in range(self._plan.rounds if running else 0):
            self._plan.report(f"timing, round {turn + 1}")
            first = turn * len(running) // self._plan.rounds
            for row, path in running[first:] + running[:first]:
                spent.setdefault(row.key, []).extend(self._milliseconds(row, path))
        medians = {key: statistics.median(times) for key, times in spent.items() if times}
        for row, _ in scored:
            yield _with_latency(row, medians)

    def _milliseconds(self, row: Row, path: Path) -> list[float]:
        order = {"kind": row.format, "file": str(path), "shapes": self._float.shapes}
        where = {"calls": str(self._held_out), "seconds": _TIMED_SECONDS}
        done = call("running:latency", {**order, **where}, seconds=self._plan.seconds)
        return [] if done.failure else [done.value["milliseconds"]]


def _with_latency(row: Row, medians: dict[tuple[str, ...], float]) -> Row:
    found = medians.get(row.key)
    if found is None:
        return row
    base = medians.get((row.model, row.format, FLOAT, OURS))
    return replace(row, milliseconds=round(found, 4), latency_of_float=round(found / base, 3) if base else None)
