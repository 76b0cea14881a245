"""How far outputs are from the source's: decibels, decisions, the task's own metric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeproof.sample_models.catalog import Sample
from edgeproof.sample_models.evaluation import evaluate

from .calls import Call
from .subjects import Subject

_AS_GOOD_AS_EQUAL_DB = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """`sqnr_db` is that of the worst output over all calls; agreement is a share of decisions, cosine a mean.

    `constant` is the agreement of a model that always gives the most common decision: near it, agreement says little.
    """

    sqnr_db: float
    agreement: float | None = None
    constant: float | None = None
    cosine: float | None = None
    task: float | None = None


def accuracy_of(subject: Subject, reference: Call, outputs: Call) -> Accuracy:
    """Outputs beside the reference, both (calls, ...) by the same names in the same order.

    Raises ValueError if an output is not finite or has another shape.
    """
    for name, wanted in reference.items():
        if outputs[name].shape != wanted.shape:
            raise ValueError(f"output {name} is {outputs[name].shape}, in the source {wanted.shape}")
        if not np.isfinite(outputs[name]).all():
            raise ValueError(f"output {name} holds values that are not finite")
    decision = subject.decision
    return Accuracy(
        sqnr_db=min(sqnr_db(wanted, outputs[name]) for name, wanted in reference.items()),
        agreement=_agreement(subject, reference, outputs) if decision else None,
        constant=_constant(subject, reference) if decision else None,
        cosine=None if decision else _cosine(reference, outputs),
        task=task_metric(subject.sample, outputs) if subject.sample else None,
    )


def sqnr_db(wanted: np.ndarray, found: np.ndarray) -> float:
    """Signal to noise over all elements of one output."""
    signal = np.sum(np.square(wanted, dtype=np.float64))
    noise = np.sum(np.square(found.astype(np.float64) - wanted))
    return float(10 * np.log10(signal / noise)) if noise and signal else _AS_GOOD_AS_EQUAL_DB


def _agreement(subject: Subject, reference: Call, outputs: Call) -> float:
    return float(np.mean(_decisions(subject, reference) == _decisions(subject, outputs)))


def _constant(subject: Subject, reference: Call) -> float:
    _, counts = np.unique(_decisions(subject, reference), return_counts=True)
    return float(np.max(counts) / np.sum(counts))


def _decisions(subject: Subject, outputs: Call) -> np.ndarray:
    """Of all calls, one after another."""
    assert subject.decision
    count = len(next(iter(outputs.values())))
    calls = ({name: array[index] for name, array in outputs.items()} for index in range(count))
    return np.concatenate([np.ravel(subject.decision.of(call)) for call in calls])


def _cosine(reference: Call, outputs: Call) -> float:
    wanted, found = (np.concatenate(next(iter(each.values()))).astype(np.float64) for each in (reference, outputs))
    lengths = np.linalg.norm(wanted, axis=-1) * np.linalg.norm(found, axis=-1)
    return float(np.mean(np.sum(wanted * found, axis=-1) / np.maximum(lengths, 1e-30)))


def task_metric(sample: Sample, outputs: Call) -> float:
    """The sample's deciding score."""
    count = len(next(iter(outputs.values())))
    return evaluate(sample, [{name: array[index] for name, array in outputs.items()} for index in range(count)])
