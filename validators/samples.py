"""What parity is judged on: the user's samples, the model's example inputs, and seeded probes."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..converters.errors import InputError
from ..converters.example_inputs import read_npy, read_npz
from ..converters.signature import Signature, TensorSpec, allows, shape_text
from ..converters.tensors import Call
from .accumulators import Array
from .labels import label_names, without_labels
from .probes import Kind, probes
from .row_streams import row_streams
from .shapes import disagreement
from .spans import Known, joined, seen_in
from .splitting import readings, split

_HOW = "give an .npz with one array per input, a folder of those, or file.py:function"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSet:
    """The calls of a judgement, in order: `given` of them are the user's, then the example, then probes.

    `kinds` says of each call what it is ("sample", "example", "ramp", see `Kind`); `sha256` covers names, dtypes,
    shapes and values of all calls.
    """

    calls: tuple[Call, ...]
    kinds: tuple[str, ...]
    given: int
    sha256: str

    def without(self, positions: Collection[int]) -> SampleSet:
        """The set with the calls at these positions left out; none of the user's may be."""
        left = [index for index in range(self.count) if index not in positions]
        calls = tuple(self.calls[index] for index in left)
        kinds = tuple(self.kinds[index] for index in left)
        return SampleSet(calls=calls, kinds=kinds, given=self.given, sha256=hash_calls(calls))

    def refused(self, positions: Collection[int]) -> str:
        """A sentence on generated calls that the source does not take."""
        kinds = ", ".join(dict.fromkeys(self.kinds[position] for position in positions))
        return f"{len(positions)} generated inputs ({kinds}) were left out, because the source itself refuses them"

    @property
    def count(self) -> int:
        """How many calls there are."""
        return len(self.calls)

    @property
    def judged(self) -> tuple[Call, ...]:
        """The user's calls, or the example where there are none: what a loss is measured on."""
        return self.calls[: max(self.given, 1)]

    @property
    def real(self) -> bool:
        """Whether any call is the user's own: otherwise the verdict stands on generated inputs alone."""
        return self.given > 0


def collect(  # noqa: PLR0913 (what calls are made of, keyword-only)
    signature: Signature,
    example: Call,
    *,
    given: Iterable[Call] = (),
    names: Sequence[str] = (),
    seed: int = 0,
    known: Known | None = None,
) -> SampleSet:
    """All calls to judge on: `given` (the user's, read by `read_samples` or made by a function) come first.

    `names` are the files that given calls were made of, if they were; `known` bounds the probes, and so do the given
    calls. Dtypes of these may differ from the signature's where no value changes its meaning (see `cast`). Raises
    InputError if a call does not fit the signature, or holds NaN or infinity where the example does not.
    """
    real: list[Call] = []
    for index, call in enumerate(given):
        place = numbered("sample", index, names)
        real.append(_finite(fit(call, signature, where=place), example, where=place))
    known = known or Known()
    made = probes(signature, example, seed=seed, known=replace(known, seen=joined(known.seen, seen_in(real))))
    calls = (*real, dict(example), *(probe.call for probe in made))
    kinds = (*[Kind.SAMPLE] * len(real), Kind.EXAMPLE, *(probe.kind for probe in made))
    return SampleSet(calls=calls, kinds=kinds, given=len(real), sha256=hash_calls(calls))


def numbered(what: str, index: int, names: Sequence[str]) -> str:
    """A call in words: its number, and the file that it was made of if there is one."""
    return f"{what} {index} ({names[index]})" if index < len(names) else f"{what} {index}"


def _finite(call: dict[str, Array], example: Call, *, where: str) -> dict[str, Array]:
    """The call; InputError for NaN and infinity in inputs whose example has only numbers."""
    for name, array in call.items():
        count = array.size - int(np.count_nonzero(np.isfinite(array)))
        if count and np.isfinite(example[name]).all():
            raise InputError(
                f"{where}: {name!r} is NaN or infinite in {count} of {array.size} elements",
                fix="mend or leave out the sample; where such values belong (a mask of -inf), give an example input "
                "that holds them: --input x.npz",
            )
    return call


def read_samples(path: Path, signature: Signature, example: Call) -> list[dict[str, Array]]:
    """The calls in an .npz (.npy where there is one input), or in every such file of a folder by name.

    Arrays of one file hold one call or many, see splitting.py; its labels (labels.py) are left out. Raises InputError.
    """
    files = _files(path)
    calls = [call for file in files for call in _read_file(file, signature, example)]
    if not calls:
        raise InputError(f"{path} holds no samples", fix=_HOW)
    return calls


def read_labels(path: Path, signature: Signature) -> dict[str, Array]:
    """The labels in an .npz, or in those of a folder one after another; none elsewhere. Raises InputError."""
    if not path.exists():
        return {}
    archives = [read_npz(file) for file in _files(path) if file.suffix == ".npz"]
    names = [name for name in label_names(signature) if archives and all(name in archive for archive in archives)]
    return {name: np.concatenate([np.atleast_1d(archive[name]) for archive in archives]) for name in names}


def stream_samples(path: Path, signature: Signature, example: Call) -> Iterator[dict[str, Array]]:
    """The same calls one after another, as they lie in the files: dtypes are those of the file.

    Memory holds one call, whatever a file holds (an array that lies there by columns apart). Raises InputError.
    """
    for file in _files(path):
        if file.suffix == ".npz":
            yield from _stream_file(file, signature, example)
        else:
            yield from _read_file(file, signature, example)


def _stream_file(path: Path, signature: Signature, example: Call) -> Iterator[dict[str, Array]]:
    try:
        with row_streams(path) as streams:
            named = without_labels(streams, signature)
            check_names(named, signature, where=str(path))
            if any(stream.by_columns for stream in named.values()):
                yield from _read_file(path, signature, example)
                return
            found = readings(
                {name: stream.shape for name, stream in named.items()}, signature, example, where=str(path)
            )
            columns = [named[name].calls(reading) for name, reading in found.items()]
            for arrays in zip(*columns, strict=True):
                yield dict(zip(found, arrays, strict=True))
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"{path} does not hold plain arrays as numpy.savez writes them: {error}", fix="write it with numpy.savez"
        ) from error


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError(f"{path} does not exist", fix="check the path")
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix in {".npz", ".npy"})


def _read_file(path: Path, signature: Signature, example: Call) -> list[dict[str, Array]]:
    arrays = without_labels(_arrays(path, signature), signature)
    check_names(arrays, signature, where=str(path))
    typed = {spec.name: cast(arrays[spec.name], spec, where=str(path)) for spec in signature.inputs}
    return list(split(typed, signature, example, where=str(path)))


def _arrays(path: Path, signature: Signature) -> Mapping[str, Array]:
    if path.suffix == ".npz":
        return read_npz(path)
    if path.suffix != ".npy":
        raise InputError(f"{path} is neither .npz nor .npy", fix=_HOW)
    if len(signature.inputs) != 1:
        names = [spec.name for spec in signature.inputs]
        raise InputError(f"{path} holds one array, the model takes {names}", fix="write them to one .npz by name")
    return {signature.inputs[0].name: read_npy(path)}


def fit(call: Call, signature: Signature, *, where: str) -> dict[str, Array]:
    """The call with its arrays in signature order and dtypes; InputError unless names and shapes fit."""
    check_names(call, signature, where=where)
    typed = {spec.name: cast(np.asarray(call[spec.name]), spec, where=where) for spec in signature.inputs}
    for spec in signature.inputs:
        if not allows(signature, spec, typed[spec.name].shape):
            raise InputError(
                f"{where}: {spec.name!r} has shape {list(typed[spec.name].shape)}, the model takes "
                f"{shape_text(signature, spec)}",
                fix="bring the samples into the shape of the example inputs",
            )
    conflict = disagreement(signature, typed)
    if conflict:
        raise InputError(f"{where}: {conflict}", fix="give one size to every input that has this dimension")
    return typed


def check_names(arrays: Mapping[str, object], signature: Signature, *, where: str) -> None:
    """Raises InputError unless the arrays have exactly the inputs' names."""
    names = [spec.name for spec in signature.inputs]
    if set(arrays) != set(names):
        raise InputError(
            f"{where} holds {sorted(arrays)}, the model takes {names}",
            fix=f"name the arrays {', '.join(names)}; an .npz may also hold labels, which the model is not given, as "
            f"{', '.join(label_names(signature))}",
        )


def cast(array: Array, spec: TensorSpec, *, where: str) -> Array:
    """The array in the spec's dtype: a float may be rounded to another float, all else must keep its value.

    An integer array for a float input is refused, since 0..255 is rarely what a model means by a float image.
    """
    wanted = np.dtype(spec.dtype)
    if array.dtype == wanted:
        return array
    if array.dtype.kind == wanted.kind == "f":
        return array.astype(wanted)
    if array.dtype.kind in "iu" and wanted.kind in "iu":
        changed = array.astype(wanted)
        if np.array_equal(changed, array):
            return changed
    raise InputError(
        f"{where}: {spec.name!r} is {array.dtype}, the model takes {spec.dtype}",
        fix=f"store the samples as {spec.dtype}, preprocessed as the model expects them",
    )


class CallsDigest:
    """SHA-256 of calls: every name, dtype, shape and byte, in order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def passing(self, calls: Iterable[Call]) -> Iterator[Call]:
        """The calls, each of which counts once it has passed."""
        for call in calls:
            self._digest.update(b"call\0")
            for name, array in call.items():
                self._digest.update(f"{name}\0{array.dtype.str}\0{list(array.shape)}\0".encode())
                self._digest.update(np.ascontiguousarray(array).tobytes())
            yield call

    @property
    def sha256(self) -> str:
        """That of the calls that have passed, in hexadecimal digits."""
        return self._digest.hexdigest()


def hash_calls(calls: Iterable[Call]) -> str:
    """SHA-256 of the calls, see CallsDigest."""
    digest = CallsDigest()
    for _ in digest.passing(calls):
        pass
    return digest.sha256
