"""The calibration calls of a run: read, judged fit to set scales by, and written where the quantiser finds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..converters.errors import InputError, UsageError
from ..converters.job import Description
from ..converters.quantization.budget import parse_budget
from ..converters.signature import Signature
from ..converters.tensors import Call, read_calls, write_calls
from .labels import label_names
from .request import Request
from .samples import CallsDigest, SampleSet, fit, numbered, read_labels, stream_samples

_CALL = "calibration call"
_FEW = 16
_MUCH_WIDER = 2.0
_FIX = "give inputs as the model meets them in use: --calibration real.npz"


@dataclass(slots=True)
class _Extent:
    low: float = np.inf
    high: float = -np.inf

    def add(self, array: np.ndarray) -> None:
        if array.size:
            self.low, self.high = min(self.low, float(array.min())), max(self.high, float(array.max()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A file of calls, how many they are, their SHA-256, a file of their labels if any, what a user should know."""

    path: str
    calls: int
    sha256: str
    labels: str | None = None
    extents: dict[str, _Extent] = field(default_factory=dict[str, _Extent])
    notes: tuple[str, ...] = ()

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The lowest and highest value of every input in floats."""
        return {name: (extent.low, extent.high) for name, extent in self.extents.items()}

    def notes_on(self, samples: SampleSet) -> tuple[str, ...]:
        """What a user should know of both: a loss is measured on the samples, or on the example without any."""
        return (*self.notes, *self.differs_from(samples.judged, whose="samples" if samples.real else "example"))

    def differs_from(self, samples: Iterable[Call], *, whose: str = "samples") -> Iterator[str]:
        """Inputs whose values reach far beyond the range that the scales were made for."""
        found = _extents(samples)
        for name, extent in self.extents.items():
            seen = found.get(name)
            if seen is not None and _beyond(extent, seen):
                yield (
                    f"{name!r} of the {whose} lies in {seen.low:.4g}..{seen.high:.4g}, the calibration's in "
                    f"{extent.low:.4g}..{extent.high:.4g}: what is outside is clipped"
                )


def require_calibration(request: Request) -> None:
    """Raise UsageError if a precision or a budget needs calibration and nothing is there to set scales by."""
    needing = [precision for precision in request.precisions if precision.needs_calibration]
    if needing and request.calibration is None and request.recipe is None:
        raise UsageError(
            f"{needing[0]} fixes the range of every activation, and random inputs give wrong ones",
            fix="--calibration FILE with a few dozen real inputs (.npz, folder or file.py:function), or int8-dynamic",
        )
    quantized = any(precision.is_quantized for precision in request.precisions)
    if quantized and request.budget is not None and request.calibration is None and request.recipe is None:
        raise UsageError(
            "--max-drop limits what is lost on real inputs, and there are none to measure that on",
            fix="--calibration FILE with real inputs, or leave --max-drop out",
        )


def collect_calibration(request: Request, description: Description, folder: Path) -> Calibration | None:
    """The calls of `--calibration`, written to `folder`; None without any.

    Raises InputError for calls that do not fit the model, hold NaN or infinity, or never change.
    """
    if request.calibration is None:
        return None
    path = folder / "calibration-calls.npz"
    extents: dict[str, _Extent] = {}
    digest = CallsDigest()
    watched = _watched(_calls(request, description), extents, description.calibration_files)
    count = write_calls(path, digest.passing(watched))
    _refuse_useless(count, path, extents)
    few = f"only {count} calibration calls: scales want a few dozen real inputs"
    return Calibration(
        path=str(path),
        calls=count,
        sha256=digest.sha256,
        labels=store_labels(request, request.calibration, description.signature, folder / "calibration-labels.npz"),
        extents=extents,
        notes=(few,) if count < _FEW else (),
    )


def store_labels(request: Request, samples: str | None, signature: Signature, path: Path) -> str | None:
    """Write the labels of samples to `path` if a budget needs them; InputError if it does and there are none."""
    metric = parse_budget(request.budget).metric if request.budget else None
    if metric is None:
        return None
    labels: dict[str, Any] = {} if samples is None else dict(read_labels(Path(samples), signature))
    if not labels:
        raise InputError(
            f"{samples or 'nothing'} holds no labels, which {metric} scores by",
            fix=f"give --calibration and --samples an .npz with {' or '.join(label_names(signature))}",
        )
    np.savez(path, **labels)
    return str(path)


def _calls(request: Request, description: Description) -> Iterator[Call]:
    if description.calibration is not None:
        given: Iterable[Call] = read_calls(Path(description.calibration))
    else:
        example = next(read_calls(Path(description.examples)))
        given = stream_samples(Path(request.calibration or ""), description.signature, example)
    for index, call in enumerate(given):
        place = numbered(_CALL, index, description.calibration_files)
        yield fit(call, description.signature, where=place)


def _watched(calls: Iterable[Call], extents: dict[str, _Extent], names: Sequence[str]) -> Iterator[Call]:
    for index, call in enumerate(calls):
        for name, array in call.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise InputError(f"{numbered(_CALL, index, names)} has NaN or infinity in {name!r}", fix=_FIX)
            if array.dtype.kind == "f":
                extents.setdefault(name, _Extent()).add(array)
        yield call


def _refuse_useless(count: int, path: Path, extents: dict[str, _Extent]) -> None:
    if not count:
        raise InputError(f"{path.name}: there are no calibration calls", fix=_FIX)
    constant = [name for name, extent in extents.items() if extent.low == extent.high]
    if constant and len(constant) == len(extents):
        raise InputError(
            f"the calibration's {', '.join(map(repr, constant))} has the same value everywhere: no range comes of that",
            fix=_FIX,
        )


def _extents(calls: Iterable[Call]) -> dict[str, _Extent]:
    found: dict[str, _Extent] = {}
    for call in calls:
        for name, array in call.items():
            if array.dtype.kind == "f":
                found.setdefault(name, _Extent()).add(array)
    return found


def _beyond(extent: _Extent, seen: _Extent) -> bool:
    width = extent.high - extent.low
    return seen.high - extent.high > (_MUCH_WIDER - 1) * width or extent.low - seen.low > (_MUCH_WIDER - 1) * width
