"""Compares an artifact's calls with the source's, output by output, and fails whatever is in doubt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from ..converters.signature import Signature
from ..converters.tensors import Call
from .faults import faults, notes, off_limits
from .limits import RMS
from .metrics import OutputMetrics, Real, Worst
from .observer import UNKNOWN, OutputObserver, Truth
from .parity import Cause, Check, Element, Finding, Number, Status, TensorParity
from .swaps import CrossMeter
from .tolerance import Policy


def compare(
    reference: Iterable[Call],
    actual: Iterable[Call],
    *,
    signature: Signature,
    policy: Policy,
    truth: Iterable[Truth] = (),
) -> list[TensorParity]:
    """One TensorParity per output of the source's `signature`, in its order, then one per output too many.

    `reference` and `actual` yield one mapping of output name to array per call, in the same order, and `truth` what is
    known beyond them, if it is; they are
    read once and side by side, so that memory holds one call. Dtypes and shapes must be equal, names and
    their order those of the signature, integers and booleans exact where they are decided; floats are left to the
    policy once
    nothing of what always fails was found. A list that is empty (a model without outputs) is not a pass.
    """
    comparison = _Comparison(signature)
    known = iter(truth)
    for reference_call, actual_call in zip_longest(reference, actual):
        comparison.add(reference_call, actual_call, next(known, UNKNOWN))
    return list(comparison.results(policy))


class _Comparison:
    """All outputs of one artifact while its calls go by."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._names = tuple(spec.name for spec in signature.outputs)
        self._observers = {spec.name: OutputObserver(spec) for spec in signature.outputs}
        self._cross = CrossMeter(self._names)
        self._reference_calls = self._actual_calls = 0
        self._order: tuple[str, ...] | None = None
        self._extra: dict[str, int] = {}

    def add(self, reference: Call | None, actual: Call | None, truth: Truth) -> None:
        call = max(self._reference_calls, self._actual_calls)
        self._reference_calls += reference is not None
        self._actual_calls += actual is not None
        if reference is None or actual is None:
            return
        for name in actual:
            if name not in self._observers:
                self._extra.setdefault(name, call)
        self._note_order(tuple(name for name in actual if name in self._observers))
        for observer in self._observers.values():
            observer.add(call, reference, actual, truth)
        self._cross.add(reference, actual)

    def _note_order(self, found: tuple[str, ...]) -> None:
        expected = tuple(name for name in self._names if name in found)
        if found != expected and self._order is None:
            self._order = found

    def results(self, policy: Policy) -> Iterator[TensorParity]:
        for observer in self._observers.values():
            yield self._result(observer, policy)
        for name, call in self._extra.items():
            yield TensorParity(name=name, status=Status.FAIL, findings=(self._extra_finding(name, call),))

    def _result(self, observer: OutputObserver, policy: Policy) -> TensorParity:
        metrics = observer.metrics()
        findings = [*self._of_the_whole(observer), *self._structural(observer)]
        checks: tuple[Check, ...] = ()
        if metrics.calls:
            checks = policy.checks(metrics, output=observer.spec.name)
            findings += faults(observer.spec, metrics)
            findings += off_limits(observer.spec, metrics, checks)
        findings = [*self._swap(observer.spec.name), *findings]
        return _tensor_parity(observer, metrics, tuple(findings), checks)

    def _of_the_whole(self, observer: OutputObserver) -> Iterator[Finding]:
        if self._reference_calls == 0 or self._actual_calls == 0:
            yield self._no_samples(observer.spec.name)
        elif self._reference_calls != self._actual_calls:
            yield Finding(
                code=Cause.CALL_COUNT,
                reason=f"the source ran on {self._reference_calls} samples and the artifact on {self._actual_calls}",
                fix="run both again on the same samples",
            )
        if self._stands_elsewhere(observer.spec.name):
            yield Finding(
                code=Cause.OUTPUT_ORDER,
                reason=f"the artifact's outputs come as {list(self._order or ())}, the source's as {list(self._names)}",
                fix="take outputs by name, or convert again with the source's order",
            )

    def _stands_elsewhere(self, name: str) -> bool:
        if self._order is None or name not in self._order:
            return False
        expected = [known for known in self._names if known in self._order]
        return expected.index(name) != self._order.index(name)

    def _no_samples(self, name: str) -> Finding:
        who = "source" if self._reference_calls == 0 else "artifact"
        return Finding(
            code=Cause.NO_SAMPLES,
            reason=f"the {who} ran on no sample at all, so nothing is known about {name!r}",
            fix="give samples with --samples, or let edgeproof generate them",
        )

    def _structural(self, observer: OutputObserver) -> list[Finding]:
        dims = {dim.name: dim for dim in self._signature.dims}
        input_dims = {size for spec in self._signature.inputs for size in spec.shape if isinstance(size, str)}
        return observer.structural(dims, input_dims)

    def _swap(self, name: str) -> Iterator[Finding]:
        other = self._cross.holds_instead(name)
        if other is not None:
            yield Finding(
                code=Cause.SWAPPED_OUTPUTS,
                reason=f"what the artifact gives as {name!r} is the source's {other!r}: outputs are swapped",
                fix="convert again; if it stays, give the model's outputs names by returning a dict",
            )

    def _extra_finding(self, name: str, call: int) -> Finding:
        return Finding(
            code=Cause.EXTRA_OUTPUT,
            reason=f"the artifact gives {name!r} in call {call}, which is no output of the source; "
            f"those are {', '.join(map(repr, self._names)) or 'none'}",
            fix="convert again from the source that it is judged against",
        )


def _tensor_parity(
    observer: OutputObserver, metrics: OutputMetrics, findings: tuple[Finding, ...], checks: tuple[Check, ...]
) -> TensorParity:
    spec = observer.spec
    status = Status.FAIL if findings else Status.PASS
    if metrics.calls == 0:
        return TensorParity(name=spec.name, status=Status.FAIL, findings=findings, dtype=spec.dtype, shape=spec.shape)
    return TensorParity(
        name=spec.name,
        status=status,
        dtype=spec.dtype,
        shape=spec.shape,
        findings=findings,
        notes=tuple(notes(spec, metrics)),
        checks=checks,
        calls=metrics.calls,
        elements=metrics.elements,
        scale=metrics.scale,
        max_abs=_finite(metrics.max_abs),
        max_rel_to_scale=_finite(metrics.max_rel_to_scale),
        rms=_finite(metrics.rms),
        rms_rel_to_scale=_finite(metrics.rms_rel_to_scale),
        sqnr_db=_finite(metrics.sqnr_db),
        cosine=metrics.cosine,
        mismatches=metrics.mismatches,
        top1=metrics.top1,
        top1_rows=metrics.top1_rows,
        noise_ratio=next((check.value for check in checks if check.quantity == RMS), None),
        profile=observer.profile,
        worst=_element(metrics.first_appeared or metrics.worst),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _element(worst: Worst | None) -> Element | None:
    if worst is None:
        return None
    return Element(call=worst.call, index=worst.index, reference=_number(worst.reference), actual=_number(worst.actual))


def _number(value: Real) -> Number:
    return value if math.isfinite(value) else str(value)
