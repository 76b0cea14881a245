"""What becomes of a run: reports in files, the baseline, the table or JSON on stdout, annotations, and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import click

from ..converters.errors import EdgeproofError, UsageError
from ..validators.baseline import Baseline, Comparison, Update
from ..validators.parity import gravest
from ..validators.reports.github import Level, annotation, commands_of, summary_text
from ..validators.request import Outcome
from .baseline_text import comparison_lines
from .output import write_outcome
from .reports import parse_reports, write_reports

_SUMMARY = "GITHUB_STEP_SUMMARY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """The options about what becomes of a run."""

    reports: Mapping[str, Path]
    as_json: bool
    github: bool
    baseline: Path | None
    update: Update | None

    @classmethod
    def taken_from(cls, given: dict[str, Any]) -> Self:
        """Those among the arguments of a command, which are taken out of them; raises UsageError."""
        baseline, update = given.pop("baseline"), given.pop("update_baseline")
        if update and not baseline:
            raise UsageError("--update-baseline needs a file", fix="name it with --baseline FILE")
        return cls(
            reports=parse_reports(given.pop("report")),
            as_json=given.pop("as_json"),
            github=given.pop("github"),
            baseline=baseline,
            update=Update(update) if update else None,
        )

    @contextmanager
    def announced(self) -> Generator[None]:
        """Within it an error that ends the command becomes an annotation as well, if those were asked for."""
        try:
            yield
        except EdgeproofError as error:
            if self.github:
                self._announce(annotation(Level.ERROR, "edgeproof", str(error)))
            raise

    def publish(self, outcome: Outcome, *, code: int, baseline: Baseline | None) -> int:
        """Write all of it; `code` is the run's own exit code, and the one that is returned counts the baseline too."""
        write_reports(outcome.report, self.reports)
        comparison = None if baseline is None else baseline.compare(outcome.report)
        write_outcome(outcome, as_json=self.as_json, folder=outcome.folder, baseline=comparison)
        if comparison is not None and (comparison.exit_code or not self.as_json):
            for line in comparison_lines(comparison):
                click.echo(line, err=self.as_json)
        if self.github:
            self._tell_github(outcome, comparison)
        return code if comparison is None else gravest({code, comparison.exit_code})

    def _tell_github(self, outcome: Outcome, comparison: Comparison | None) -> None:
        worse = comparison.regressions if comparison is not None and comparison.exit_code else ()
        self._announce(*commands_of(outcome.report, worse))
        place = os.environ.get(_SUMMARY)
        if place:
            _append(Path(place), summary_text(outcome.report, worse))

    def _announce(self, *commands: str) -> None:
        """On stdout, or on stderr where stdout is JSON: GitHub reads both."""
        stream = sys.stderr if self.as_json else sys.stdout
        stream.write("".join(f"{command}\n" for command in commands))


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(
            f"the job's summary {path} could not be written: {error.strerror or error}",
            fix=f"let {_SUMMARY} name a file that may be written, or unset it",
        ) from error
