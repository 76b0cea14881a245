"""Scores an artifact's outputs beside the source's by a function of the user's, in a worker."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from ..converters.artifact import Artifact
from ..converters.example_inputs import read_npz
from ..converters.job import ScoreJob, Scores
from ..converters.quantization.budget import Budget
from ..converters.quantization.score import Score as Scoring
from ..converters.tensors import read_calls
from ..converters.worker.pool import Task
from ..converters.worker.stacks import Stack
from .parity import Cause, Finding, Score

_ENTRY = "edgeproof.validators.scoring:score"
_CHEAP = 0.1


def score(job: ScoreJob) -> Scores:
    """Both scores; raises SourceError for a function that cannot be had, InputError for one that gives no number."""
    scoring = Scoring(function=job.function, labels=read_npz(Path(job.labels)))
    source, artifact = (scoring.of(islice(read_calls(Path(path)), job.calls)) for path in (job.reference, job.outputs))
    return Scores(source=source, artifact=artifact)


def score_task(artifact: Artifact, job: ScoreJob) -> Task[Scores]:
    """The task of scoring one artifact."""
    return Task(
        title=f"score {artifact.format} {artifact.precision}",
        entry=_ENTRY,
        job=job,
        result=Scores,
        stack=Stack.RUNTIMES,
        cost=_CHEAP,
    )


def judge_score(budget: Budget | None, found: Score | None) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """What is wrong with a score, and what there is to say of it."""
    if budget is None or budget.metric is None:
        return (), ()
    if found is None:
        return (), (f"{budget.metric} was not asked here: it takes every sample with its label",)
    told = f"{found.function}: source {found.source:.4g}, artifact {found.artifact:.4g}"
    if found.source - found.artifact <= budget.largest_fall:
        return (), (told,)
    finding = Finding(
        code=Cause.SCORE,
        reason=f"{told}, and it may fall by {budget.largest_fall:g}",
        fix="give more calibration inputs, or allow more with --max-drop",
    )
    return (finding,), ()
