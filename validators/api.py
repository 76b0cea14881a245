"""The Python interface: convert and verify, from a script or a notebook."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..converters import registry
from ..converters.dynamic import parse_dynamic
from ..converters.errors import UsageError
from ..converters.job import ConvertOptions
from ..converters.live_models import is_live_model, store_live_model
from ..converters.precision import ALIASES, Precision
from ..converters.resolve import resolve
from ..converters.source import Framework
from ..converters.source import Opening as Opening
from ..converters.source import Trust as Trust
from ..converters.worker.pool import Limits
from .pipeline import Listener, certify, ignore_progress
from .request import Outcome, Request
from .verification import Verification
from .verification import verify as run_verification


def convert(  # noqa: PLR0913 (the command line's options, keyword-only)
    source: Any,
    output: str | Path,
    *,
    to: str | Sequence[str] = "all",
    precision: str | Sequence[str] = "fp32",
    inputs: Any = None,
    samples: str | Path | Mapping[str, np.ndarray] | None = None,
    calibration: str | Path | Mapping[str, np.ndarray] | None = None,
    preprocess: str | None = None,
    recipe: str | Path | None = None,
    max_drop: str | None = None,
    dynamic: Sequence[str] = (),
    model: str | None = None,
    model_args: Mapping[str, Any] | None = None,
    framework: str | None = None,
    opening: Opening | None = None,
    targets: Sequence[str] = ("host",),
    options: ConvertOptions | None = None,
    overwrite: bool = False,
    seed: int = 0,
    limits: Limits | None = None,
    on_progress: Listener = ignore_progress,
) -> Outcome:
    """Convert a source into `to` and judge every artifact beside it.

    `source` is a live nn.Module or keras.Model, a checkpoint's path, or a factory ("pkg.mod:fn",
    "file.py:fn"); `output` the folder to write. `inputs` are example inputs: for a live module whatever its
    forward takes (a tensor, a tuple of positional ones, a mapping by name), otherwise `--input` texts.
    `samples` are real inputs that parity is judged on, `calibration` those that int8 takes its scales from: a path,
    or arrays by input name with one call per row of the first axis, or with `preprocess` ("file.py:fn", or a
    specification's path, .json) a folder of files that this makes calls of. `opening` is how a checkpoint is opened:
    `Opening(weights="ema", trust=(Trust.PICKLE,))`. The other arguments are those of the command line.

    Returns the manifest and the parity report; a failed artifact is a row of it. Raises EdgeproofError when
    nothing can be done at all.
    """
    with tempfile.TemporaryDirectory(prefix="edgeproof-live-") as scratch:
        folder = Path(scratch)
        live = store_live_model(source, inputs, folder) if is_live_model(source) else None
        request = Request(
            source=live
            or resolve(
                _place_of(source),
                model=model,
                model_args={name: repr(value) for name, value in (model_args or {}).items()},
                inputs=(inputs,) if isinstance(inputs, str) else tuple(inputs or ()),
                framework=Framework(framework) if framework else None,
                opening=opening,
            ),
            formats=(),
            output=Path(output),
            precisions=tuple(Precision(ALIASES.get(name, name)) for name in _listed(precision)),
            dynamic=parse_dynamic(tuple(dynamic)),
            samples=_arrays_path(samples, folder / "samples.npz"),
            calibration=_arrays_path(calibration, folder / "calibration.npz"),
            preprocess=preprocess,
            recipe=None if recipe is None else str(recipe),
            budget=max_drop,
            targets=tuple(targets),
            options=options or ConvertOptions(),
            overwrite=overwrite,
            seed=seed,
            limits=limits or Limits(),
        )
        formats = tuple(registry.formats()) if to == "all" else _listed(to)
        return certify(replace(request, formats=formats), on_progress=on_progress)


def verify(  # noqa: PLR0913 (the command line's options, keyword-only)
    place: str | Path,
    *,
    against: str | None = None,
    samples: str | Path | Mapping[str, np.ndarray] | None = None,
    targets: Sequence[str] = ("host",),
    limits: Limits | None = None,
    on_progress: Listener = ignore_progress,
) -> Outcome:
    """Judge the artifacts in a folder that `convert` wrote, or one file of it.

    They run on the stored samples; `against` names the source that shall run again, otherwise its stored
    outputs count. With a source `samples` may take the stored ones' place: an .npz, a folder of them, or arrays by
    input name with one call per row of the first axis. Raises EdgeproofError when there is nothing to judge.
    """
    with tempfile.TemporaryDirectory(prefix="edgeproof-samples-") as scratch:
        given = _arrays_path(samples, Path(scratch) / "samples.npz")
        request = Verification(
            place=Path(place),
            against=resolve(against) if against else None,
            samples=Path(given) if given else None,
            targets=tuple(targets),
            limits=limits or Limits(),
        )
        return run_verification(request, on_progress=on_progress)


def _listed(names: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(names.split(",")) if isinstance(names, str) else tuple(names)


def _place_of(source: Any) -> str:
    if not isinstance(source, (str, Path)):
        raise UsageError(
            f"{type(source).__name__} is no source", fix="give an nn.Module, a keras.Model, a path or a factory"
        )
    return str(source)


def _arrays_path(given: str | Path | Mapping[str, np.ndarray] | None, path: Path) -> str | None:
    """The given path, or `path` with the given arrays."""
    if not isinstance(given, Mapping):
        return None if given is None else str(given)
    np.savez(path, allow_pickle=False, **dict(given))
    return str(path)
