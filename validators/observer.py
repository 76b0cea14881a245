"""Watches one output go by, call after call: is it there, what are its dtype and shape, how far off is it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..converters.signature import Dim, TensorSpec
from ..converters.tensors import Call
from .accumulators import Array
from .metrics import COMPARABLE_KINDS, OutputMeter, OutputMetrics
from .noise_floor import Error, Group, error_of
from .parity import Cause, Finding, Profile
from .profile import Profiler

_SIZES_REMEMBERED = 64
_EXPORT_AGAIN = "convert again, and report it with the model if it stays"


@dataclass(slots=True)
class _Sizes:
    """The sizes one dynamic axis was seen with, in the source's calls and in the artifact's."""

    reference: set[int] = field(default_factory=set[int])
    actual: set[int] = field(default_factory=set[int])

    def add(self, reference: int, actual: int) -> None:
        for seen, size in ((self.reference, reference), (self.actual, actual)):
            if len(seen) < _SIZES_REMEMBERED:
                seen.add(size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is known of a call beyond the source's outputs.

    `exact` are those of its program in float64, `undecided` says where an integer or boolean output hangs on the
    source's own rounding, `unsteady` names the outputs that rounding moves far in this call.
    """

    group: Group = Group.REAL
    exact: Call | None = None
    undecided: Mapping[str, Array] = field(default_factory=dict[str, Array])
    unsteady: frozenset[str] = frozenset()


UNKNOWN = Truth()


class OutputObserver:
    """Meters one output and keeps the first occurrence of everything that is structurally wrong with it."""

    def __init__(self, spec: TensorSpec) -> None:
        self.spec = spec
        self._meter = OutputMeter()
        self._errors: dict[Group, Error] = {}
        self._profiler = Profiler()
        self._undecided = 0
        self._found: dict[Cause, Finding] = {}
        self._sizes = {axis: _Sizes() for axis in spec.dynamic_axes}
        self._wrong_shape: Finding | None = None
        self._only_dynamic_axes_differ = True

    @property
    def profile(self) -> Profile | None:
        """What plots show of a float output."""
        return self._profiler.profile()

    def metrics(self) -> OutputMetrics:
        """What was measured so far."""
        return replace(self._meter.metrics(), errors=self._errors, undecided=self._undecided)

    def add(self, call: int, reference: Call, actual: Call, truth: Truth) -> None:
        """One call of the source and of the artifact; each maps output names to arrays."""
        name = self.spec.name
        if name not in reference:
            self._find(
                Cause.NO_REFERENCE,
                f"the source's stored outputs have no {name!r} in call {call}, so nothing can be compared with it",
                "run the source again: `edgeproof verify --against SOURCE`",
            )
        elif name not in actual:
            self._find(
                Cause.MISSING_OUTPUT,
                f"the artifact gave no output {name!r} in call {call}; it gave {_listed(actual)}",
                _EXPORT_AGAIN,
            )
        else:
            self._add_pair(call, reference[name], actual[name], truth)

    def _add_pair(self, call: int, reference: Array, actual: Array, truth: Truth) -> None:
        if not self._dtypes_fit(call, reference, actual):
            return
        if reference.ndim == actual.ndim == len(self.spec.shape):
            for axis, sizes in self._sizes.items():
                sizes.add(reference.shape[axis], actual.shape[axis])
        if reference.shape != actual.shape:
            self._note_shape(call, reference, actual)
            return
        undecided = truth.undecided.get(self.spec.name)
        if undecided is not None and undecided.shape == reference.shape:
            self._undecided += int(np.count_nonzero(undecided & (reference != actual)))
            reference = np.where(undecided, actual, reference)
        self._meter.add(reference, actual)
        if reference.dtype.kind == "f":
            center = _center(reference, (truth.exact or {}).get(self.spec.name))
            self._profiler.add(reference, center, actual)
            error = error_of(actual, center)
            group = Group.UNSTEADY if self.spec.name in truth.unsteady else truth.group
            self._errors[group] = self._errors.get(group, Error()) + error

    def _dtypes_fit(self, call: int, reference: Array, actual: Array) -> bool:
        if reference.dtype.kind not in COMPARABLE_KINDS or actual.dtype.kind not in COMPARABLE_KINDS:
            self._find(
                Cause.NOT_REAL,
                f"output {self.spec.name!r} is {reference.dtype} in the source and {actual.dtype} in the artifact: "
                "only real numbers, integers and booleans can be compared",
                "let the model return a complex tensor as two real ones",
            )
            return False
        if reference.dtype != actual.dtype:
            self._find(
                Cause.DTYPE,
                f"output {self.spec.name!r} is {actual.dtype} in call {call}, the source's is {reference.dtype}",
                "cast the output inside the model to the dtype that the format keeps",
            )
            return False
        return True

    def _note_shape(self, call: int, reference: Array, actual: Array) -> None:
        if self._wrong_shape is None:
            self._wrong_shape = self._shape_finding(call, reference, actual)
        differing = {
            axis for axis in range(reference.ndim) if reference.shape[axis : axis + 1] != actual.shape[axis : axis + 1]
        }
        fits = reference.ndim == actual.ndim and differing <= self._sizes.keys()
        self._only_dynamic_axes_differ = self._only_dynamic_axes_differ and fits

    def _shape_finding(self, call: int, reference: Array, actual: Array) -> Finding:
        hint = ""
        if reference.size == actual.size and sorted(reference.shape) == sorted(actual.shape):
            hint = " (the same sizes in another order: channels first in one, last in the other?)"
        return Finding(
            code=Cause.SHAPE,
            reason=f"output {self.spec.name!r} has shape {list(actual.shape)} in call {call}, "
            f"the source's has {list(reference.shape)}{hint}",
            fix=_EXPORT_AGAIN,
        )

    def _find(self, code: Cause, reason: str, fix: str) -> None:
        self._found.setdefault(code, Finding(code=code, reason=reason, fix=fix))

    def structural(self, dims: Mapping[str, Dim], input_dims: set[str]) -> list[Finding]:
        """What is wrong with presence, dtype, shape and dynamic dimensions.

        `dims` are the signature's dynamic dimensions by name, `input_dims` those that inputs have.
        """
        findings = list(self._found.values())
        fixed = self._became_fixed()
        if fixed is not None:
            findings.append(fixed)
        elif self._wrong_shape is not None:
            findings.append(self._wrong_shape)
        findings += [self._unproven(axis, dims) for axis in self._sizes if self._needs_proof(axis, dims, input_dims)]
        return findings

    def _became_fixed(self) -> Finding | None:
        for axis, sizes in self._sizes.items():
            stuck = len(sizes.reference) > 1 and len(sizes.actual) == 1
            if stuck and self._only_dynamic_axes_differ:
                return Finding(
                    code=Cause.DYNAMIC_FIXED,
                    reason=f"axis {axis} of output {self.spec.name!r} ({self.spec.shape[axis]}) is always "
                    f"{min(sizes.actual)} in the artifact, while the source's takes {sorted(sizes.reference)}",
                    fix="convert to a format that keeps this dimension (`edgeproof formats`), or leave out --dynamic",
                )
        return None

    def _needs_proof(self, axis: int, dims: Mapping[str, Dim], input_dims: set[str]) -> bool:
        dim = dims.get(str(self.spec.shape[axis]))
        if dim is None or dim.name not in input_dims or dim.min == dim.max:
            return False
        return len(self._sizes[axis].reference) == 1

    def _unproven(self, axis: int, dims: Mapping[str, Dim]) -> Finding:
        dim = dims[str(self.spec.shape[axis])]
        return Finding(
            code=Cause.DYNAMIC_UNPROVEN,
            reason=f"dimension {dim.name!r} may be {dim.min} to {dim.max}, but every sample has "
            f"{min(self._sizes[axis].reference)}: that it stayed dynamic was not seen",
            fix=f"judge on samples of at least two sizes of {dim.name!r}",
        )


def _center(reference: Array, exact: Array | None) -> Array:
    """The truth, and the source where only that is known or finite (float32 overflows where float64 does not)."""
    if exact is None or exact.shape != reference.shape:
        return reference
    return np.where(np.isfinite(reference) & np.isfinite(exact), exact, reference)


def _listed(arrays: Mapping[str, Array]) -> str:
    return ", ".join(repr(name) for name in arrays) or "nothing at all"
