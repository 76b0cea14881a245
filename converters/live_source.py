"""A loaded source that can be run on arrays, and what can be found out about it by running it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from .dynamic import apply_dynamic, resized
from .errors import NotRepeatable, SourceError
from .job import DescribeJob, Description
from .preprocessing.reading import calls_as_specified
from .preprocessing.spec import is_specification
from .sample_calls import calls_from_files, calls_from_function, sample_files
from .signature import Signature, TensorSpec, spec_of
from .source import SourceKind
from .tensors import Call, write_calls
from .worker.stages import stage


class LiveSource(Protocol):
    """A model of any framework behind named arrays; `examples` is one call in input order."""

    @property
    def examples(self) -> Call:
        """One call that the model is known to take."""
        ...

    @property
    def parameters(self) -> int:
        """How many numbers it has learnt."""
        ...

    @property
    def fingerprint(self) -> str:
        """That of its weights."""
        ...

    def run(self, call: Call) -> dict[str, np.ndarray]:
        """The outputs of one call by name, in the model's own order; SourceError if the model raises."""
        ...

    def tables(self) -> dict[str, int]:
        """The fewest rows of the tables that each input chooses from, as seen in a run on the examples.

        Raises SourceError if the model does not run while it is watched.
        """
        ...

    def jittered(self, generator: np.random.Generator) -> AbstractContextManager[None]:
        """Meanwhile every weight is moved by up to one float32 ulp."""
        ...


def describe_source(live: LiveSource, job: DescribeJob, *, made_by: dict[str, str]) -> Description:
    """Run a source on its examples and write down what it takes and gives.

    Raises SourceError if the source cannot run or gives two results for one input, UsageError if a dynamic
    dimension does not fit.
    """
    fingerprint = live.fingerprint if job.source.kind is SourceKind.FACTORY else None
    with stage("run"):
        outputs = live.run(live.examples)
        _check_repeatable(live, outputs)
        signature = _signature_of(live, outputs, job)
        ranges, notes = _ranges(live)
    folder = Path(job.folder)
    examples = folder / "examples.npz"
    write_calls(examples, [live.examples])
    originals = folder / "originals.npz"
    samples = _written(job, job.samples, folder / "user-samples.npz", signature, originals=originals)
    calibration = _written(job, job.calibration, folder / "calibration.npz", signature)
    return Description(
        source=job.source,
        signature=signature,
        examples=str(examples),
        samples=samples.path,
        sample_files=samples.files,
        originals=str(originals) if originals.exists() else None,
        calibration=calibration.path,
        calibration_files=calibration.files,
        ranges=ranges,
        parameters=live.parameters,
        made_by=made_by,
        notes=notes,
        fingerprint=fingerprint,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A file of calls, and the names of the files that they were made of; nothing where none were asked for."""

    path: str | None = None
    files: tuple[str, ...] = ()


def _written(
    job: DescribeJob, given: str | None, path: Path, signature: Signature, *, originals: Path | None = None
) -> _Written:
    """The calls that a user's function gives, or that it or a specification makes of files."""
    if given is None:
        return _Written()
    if job.preprocess is None or not Path(given).exists():
        write_calls(path, calls_from_function(given, signature))
        return _Written(path=str(path))
    files = sample_files(Path(given))
    if is_specification(job.preprocess):
        write_calls(path, calls_as_specified(files, Path(job.preprocess), signature, originals=originals))
    else:
        write_calls(path, calls_from_files(files, job.preprocess, signature))
    return _Written(path=str(path), files=tuple(file.name for file in files))


def _ranges(live: LiveSource) -> tuple[dict[str, tuple[int, int]], tuple[str, ...]]:
    """The values that inputs may have which choose rows of a table, and a note where that cannot be seen."""
    if not any(_may_choose(array) for array in live.examples.values()):
        return {}, ()
    try:
        return {name: (0, rows - 1) for name, rows in live.tables().items()}, ()
    except SourceError as error:
        return {}, (f"which tables the integer inputs choose from was not seen: {error.message}",)


def _may_choose(array: np.ndarray) -> bool:
    return array.dtype.kind in "iu" or bool(
        array.dtype.kind == "f" and np.isfinite(array).all() and (array >= 0).all() and (array == np.rint(array)).all()
    )


def _signature_of(live: LiveSource, outputs: Call, job: DescribeJob) -> Signature:
    static = Signature(
        inputs=tuple(spec_of(name, array) for name, array in live.examples.items()),
        outputs=tuple(spec_of(name, array) for name, array in outputs.items()),
    )
    signature = apply_dynamic(static, job.dynamic)
    specs: Sequence[TensorSpec] = signature.outputs
    for dim in signature.dims:
        other = live.run(resized(live.examples, signature, dim))
        specs = [_mark(spec, other[spec.name].shape, dim.name) for spec in specs]
    return replace(signature, outputs=tuple(specs))


def _mark(spec: TensorSpec, shape: tuple[int, ...], name: str) -> TensorSpec:
    """The spec with the axes that followed the dynamic dimension `name`."""
    marked = tuple(
        name if isinstance(old, int) and old != new else old for old, new in zip(spec.shape, shape, strict=True)
    )
    return replace(spec, shape=marked)


def _check_repeatable(live: LiveSource, first: Mapping[str, np.ndarray]) -> None:
    second = live.run(live.examples)
    for name, array in first.items():
        if not np.array_equal(array, second[name], equal_nan=array.dtype.kind == "f"):
            raise NotRepeatable(
                f"the model gave two different values of {name!r} for the same input",
                fix="take out what is random at inference: dropout called with training=True, sampling, noise",
            )


def describe_call(call: Call) -> str:
    """The arrays of a call as text: name, dtype and shape of each."""
    return ", ".join(f"{name}: {array.dtype}{list(array.shape)}" for name, array in call.items())
