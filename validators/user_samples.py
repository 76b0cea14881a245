"""The samples of a run: files, functions of the user's that give calls, and what makes calls of files."""

from __future__ import annotations

from pathlib import Path

from ..converters.errors import InputError, UsageError
from ..converters.job import Description
from ..converters.preprocessing.reading import require_reader
from ..converters.preprocessing.spec import is_specification, read_spec
from ..converters.tensors import read_calls
from .calibration import Calibration
from .request import Request
from .samples import SampleSet, collect, read_samples
from .spans import Known

_STORED = frozenset({".npz", ".npy"})


def made_by_user(request: Request, given: str | None) -> str | None:
    """The text of `--samples` or `--calibration` if it is a function, or names files that `--preprocess` reads."""
    return given if _is_function(given) or _is_preprocessed(request, given) else None


def require_files_to_preprocess(request: Request) -> None:
    """Raise UsageError if files shall be read and none are given, InputError if they do not exist.

    Of a specification it raises what is wrong with it by itself, and NotRunnable if what reads its files is missing.
    """
    if request.preprocess is None:
        return
    if is_specification(request.preprocess):
        require_reader(read_spec(Path(request.preprocess)))
    elif ":" not in request.preprocess:
        raise UsageError(
            f"--preprocess {request.preprocess!r} is no function and no specification",
            fix="write --preprocess path/to/file.py:function, or name a .json as docs/preprocessing.md describes it",
        )
    given = [text for text in (request.samples, request.calibration) if text is not None]
    missing = [text for text in given if not _is_function(text) and not Path(text).exists()]
    if missing:
        raise InputError(f"{missing[0]} does not exist", fix="check the path")
    if not any(_is_preprocessed(request, text) for text in given):
        raise UsageError(
            "--preprocess reads the files of --samples or --calibration, and "
            + (f"{', '.join(given)} gives calls as it is" if given else "there are none"),
            fix="--samples FOLDER or --calibration FOLDER, with the files that it is about",
        )


def _is_preprocessed(request: Request, given: str | None) -> bool:
    """Everything but a function and a single file of arrays, which holds calls already."""
    if request.preprocess is None or given is None or _is_function(given):
        return False
    place = Path(given)
    return place.is_dir() or place.suffix not in _STORED


def _is_function(text: str | None) -> bool:
    return text is not None and ":" in text and not Path(text).exists()


def collect_samples(request: Request, description: Description, calibration: Calibration | None) -> SampleSet:
    """The calls of a run: the user's, the example, probes; InputError if the user's do not fit."""
    example = next(read_calls(Path(description.examples)))
    if description.samples is not None:
        given = list(read_calls(Path(description.samples)))
    elif request.samples is not None:
        given = read_samples(Path(request.samples), description.signature, example)
    else:
        given = []
    seen = calibration.ranges if calibration else {}
    known = Known(seen=seen, rows=description.ranges, parameters=description.parameters)
    names = description.sample_files
    return collect(description.signature, example, given=given, names=names, seed=request.seed, known=known)
