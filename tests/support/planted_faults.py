"""Correct outputs of a made-up model, faults to plant in them, and the judge to show them to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from floors import policy_for

from edgeproof.converters.signature import Dim, Signature, TensorSpec
from edgeproof.validators.compare import compare
from edgeproof.validators.metrics import OutputMetrics
from edgeproof.validators.parity import Cause, Check, Status, TensorParity
from edgeproof.validators.tolerance import check

Array = np.ndarray[Any, np.dtype[Any]]
Calls = list[dict[str, Array]]
SIGNATURE = Signature(
    inputs=(TensorSpec(name="x", dtype="float32", shape=("batch", 4)),),
    outputs=(
        TensorSpec(name="scores", dtype="float32", shape=("batch", 5)),
        TensorSpec(name="boxes", dtype="float32", shape=("batch", 5)),
        TensorSpec(name="labels", dtype="int64", shape=("batch",)),
    ),
    dims=(Dim(name="batch", min=1, max=4),),
)


class AllowsAnything:
    """The loosest policy there is: what fails under it fails whatever the tolerance."""

    name = "anything"

    def checks(self, metrics: OutputMetrics, *, output: str) -> tuple[Check, ...]:  # noqa: ARG002
        return (check("calls", float(metrics.calls), 1e9),)


class ChecksNothing:
    """A policy that has no limits for an output."""

    name = "nothing"

    def checks(self, _metrics: OutputMetrics, *, output: str) -> tuple[Check, ...]:  # noqa: ARG002
        return ()


def reference_calls(count: int = 6) -> Calls:
    generator = np.random.default_rng(7)
    calls: Calls = []
    for index in range(count):
        batch = 1 + index % 2
        scores = generator.standard_normal((batch, 5)).astype(np.float32)
        boxes = (100 * generator.standard_normal((batch, 5))).astype(np.float32)
        calls.append({"scores": scores, "boxes": boxes, "labels": np.argmax(scores, axis=1)})
    return calls


def changed(calls: Calls, name: str, change: Callable[[Array], Any]) -> Calls:
    return [{key: np.asarray(change(array)) if key == name else array for key, array in call.items()} for call in calls]


def at_one_place(value: float) -> Callable[[Calls], Calls]:
    def plant(calls: Calls) -> Calls:
        calls[3]["scores"] = calls[3]["scores"].copy()
        calls[3]["scores"][1, 2] = value
        return calls

    return plant


def renamed(calls: Calls, names: dict[str, str]) -> Calls:
    return [{names.get(name, name): array for name, array in call.items()} for call in calls]


def judge(actual: Calls, *, policy: Any = None, reference: Calls | None = None) -> dict[str, TensorParity]:
    expected = reference or reference_calls()
    found = compare(expected, actual, signature=SIGNATURE, policy=policy or policy_for(expected))
    return {output.name: output for output in found}


def failed(results: dict[str, TensorParity]) -> set[str]:
    return {name for name, output in results.items() if output.status is not Status.PASS}


FAULTS: dict[str, tuple[Callable[[Calls], Calls], str, Cause]] = {
    "a NaN in one element of one call": (at_one_place(np.nan), "scores", Cause.NONFINITE),
    "an infinity in one element": (at_one_place(np.inf), "scores", Cause.NONFINITE),
    "all zeros": (lambda c: changed(c, "scores", np.zeros_like), "scores", Cause.ALL_ZERO),
    "negative zeros": (lambda c: changed(c, "scores", lambda a: -np.zeros_like(a)), "scores", Cause.ALL_ZERO),
    "one constant": (lambda c: changed(c, "scores", lambda a: np.full_like(a, 0.2)), "scores", Cause.CONSTANT),
    "the first call's answer to everything": (
        lambda c: [{**call, "boxes": c[index % 2]["boxes"]} for index, call in enumerate(c)],
        "boxes",
        Cause.INPUT_IGNORED,
    ),
    "two outputs under each other's name": (
        lambda c: [{"scores": call["boxes"], "boxes": call["scores"], "labels": call["labels"]} for call in c],
        "scores",
        Cause.SWAPPED_OUTPUTS,
    ),
    "names in another order": (
        lambda c: [{name: call[name] for name in ("boxes", "scores", "labels")} for call in c],
        "boxes",
        Cause.OUTPUT_ORDER,
    ),
    "an output left out": (
        lambda c: [{name: call[name] for name in ("scores", "labels")} for call in c],
        "boxes",
        Cause.MISSING_OUTPUT,
    ),
    "an output left out of one call": (
        lambda c: [*c[:-1], {name: c[-1][name] for name in ("scores", "labels")}],
        "boxes",
        Cause.MISSING_OUTPUT,
    ),
    "an output under another name": (lambda c: renamed(c, {"boxes": "output_1"}), "boxes", Cause.MISSING_OUTPUT),
    "an output too many": (lambda c: [{**call, "aux": call["boxes"]} for call in c], "aux", Cause.EXTRA_OUTPUT),
    "float64 instead of float32": (lambda c: changed(c, "scores", lambda a: a.astype("f8")), "scores", Cause.DTYPE),
    "int32 instead of int64": (lambda c: changed(c, "labels", lambda a: a.astype("i4")), "labels", Cause.DTYPE),
    "a complex output": (lambda c: changed(c, "scores", lambda a: a.astype("c8")), "scores", Cause.NOT_REAL),
    "axes in another order": (lambda c: changed(c, "scores", np.transpose), "scores", Cause.SHAPE),
    "an axis dropped": (lambda c: changed(c, "scores", lambda a: a[0]), "scores", Cause.SHAPE),
    "an axis that would broadcast": (lambda c: changed(c, "scores", lambda a: a[:, :1]), "scores", Cause.SHAPE),
    "a batch that became fixed": (lambda c: changed(c, "scores", lambda a: a[:1]), "scores", Cause.DYNAMIC_FIXED),
    "one integer off by one": (
        lambda c: [*c[:-1], {**c[-1], "labels": c[-1]["labels"] + 1}],
        "labels",
        Cause.NOT_EQUAL,
    ),
    "no call at all": (lambda _: [], "scores", Cause.NO_SAMPLES),
    "a call too few": (lambda c: c[:-1], "scores", Cause.CALL_COUNT),
    "a call too many": (lambda c: [*c, c[0]], "scores", Cause.CALL_COUNT),
    "scaled by a ten thousandth": (
        lambda c: changed(c, "scores", lambda a: a * np.float32(1.0001)),
        "scores",
        Cause.TOLERANCE,
    ),
    "two channels swapped": (
        lambda c: changed(c, "scores", lambda a: a[:, [1, 0, 2, 3, 4]]),
        "scores",
        Cause.TOLERANCE,
    ),
    "rounded to float16": (
        lambda c: changed(c, "scores", lambda a: a.astype("f2").astype("f4")),
        "scores",
        Cause.TOLERANCE,
    ),
    "yesterday's weights": (lambda c: changed(c, "boxes", lambda a: a + a.std() / 100), "boxes", Cause.TOLERANCE),
    "one element slightly off, once": (at_one_place(0.0), "scores", Cause.TOLERANCE),
}
# Integers are left to the policy: quantised ones may be off by a step.
WHATEVER_THE_TOLERANCE = [
    name for name, (_, _, cause) in FAULTS.items() if cause not in {Cause.TOLERANCE, Cause.NOT_EQUAL}
]
