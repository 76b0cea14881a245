"""Golden files of a bundle: real samples and what each artifact gave for them, as raw files that any language reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np

from ...converters.errors import InputError
from ...converters.layouts import to_artifact
from ...converters.manifest import ArtifactRecord
from ...converters.tensors import Call, read_calls
from ..golden import Golden
from ..judging import HOST
from ..limits import measured_limits
from ..parity import ParityRow
from .manifest import GoldenCall, Original
from .replay import samples_of

FOLDER = "golden"
_LONGEST = 80


@dataclass(slots=True)
class GoldenFiles:
    """Writes golden files of a bundle in `stage`, from the stored calls of what `convert` wrote (`golden`).

    There are as many as `samples_of` names. Inputs of the same bytes are one file for all artifacts.
    """

    stage: Path
    golden: Golden
    _inputs: dict[bytes, str] = field(default_factory=dict[bytes, str])

    def shown(self, calls: Path) -> Iterator[Call]:
        """Those calls of a file that the bundle shows."""
        wanted = set(samples_of(self.golden))
        return (call for place, call in enumerate(read_calls(calls)) if place in wanted)

    def outputs_of(self, record: ArtifactRecord) -> Path:
        """The file of what an artifact gave on the host when it was converted; InputError if it is not there."""
        path = self.golden.folder / f"{record.file}.{HOST}.npz"
        if not path.is_file():
            raise InputError(f"{path.name} is missing beside {record.file}", fix="convert again, with --on host")
        return path

    def calls_of(self, record: ArtifactRecord, rows: Sequence[ParityRow]) -> tuple[GoldenCall, ...]:
        """Write what an artifact takes and gave on the host; InputError if it gave NaN or infinity."""
        tolerance = self._tolerance(record, rows)
        pairs = zip(self.shown(self.golden.calls), self.shown(self.outputs_of(record)), strict=True)
        return tuple(self._call(number, record, *pair, tolerance) for number, pair in enumerate(pairs))

    def _call(
        self, number: int, record: ArtifactRecord, inputs: Call, outputs: Call, tolerance: Mapping[str, float]
    ) -> GoldenCall:
        taken, given = to_artifact(inputs, record.layouts), to_artifact(outputs, record.layouts)
        for name, array in given.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise InputError(
                    f"{record.file} gave NaN or infinity in {name!r} for sample {number}, which no app can be held to",
                    fix="leave the sample out of --samples and convert again, or leave the artifact out",
                )
        arrays = {**taken, **given}
        if len(arrays) < len(taken) + len(given):
            raise InputError(
                f"{record.file} has an input and an output of one name", fix="name them apart, and convert again"
            )
        return GoldenCall(
            sample=number,
            inputs={name: self._shared(number, name, array) for name, array in taken.items()},
            outputs={name: self._own(number, record, name, array) for name, array in given.items()},
            shapes={name: tuple(array.shape) for name, array in arrays.items()},
            dtypes={name: array.dtype.name for name, array in arrays.items()},
            tolerance={name: tolerance.get(name, 0.0) for name in given},
        )

    def _tolerance(self, record: ArtifactRecord, rows: Sequence[ParityRow]) -> dict[str, float]:
        """How far a device may be from the host: what the judge allows, and what the host itself differs by."""
        host = next((row for row in rows if row.target == HOST), None)
        off = {output.name: output.max_abs or 0.0 for output in host.outputs} if host else {}
        floors = self.golden.stored_floor().largest
        limit = measured_limits().largest
        return {spec.name: off.get(spec.name, 0.0) + limit * floors.get(spec.name, 0.0) for spec in record.outputs}

    def _shared(self, number: int, name: str, array: np.ndarray) -> str:
        content = _raw(array)
        key = f"{number}/{name}/".encode() + content
        if key not in self._inputs:
            again = sum(1 for known in self._inputs if known.startswith(f"{number}/{name}/".encode()))
            file = f"{FOLDER}/inputs/{number}.{_plain(name)}{f'.{again + 1}' if again else ''}.bin"
            self._inputs[key] = self._write(file, content)
        return self._inputs[key]

    def _own(self, number: int, record: ArtifactRecord, name: str, array: np.ndarray) -> str:
        return self._write(f"{FOLDER}/{record.file}/{number}.{_plain(name)}.bin", _raw(array))

    def originals(self) -> tuple[Original, ...]:
        """Write what the samples were before preprocessing, if `convert` kept it."""
        stored = self.golden.originals
        if not stored.exists():
            return ()
        calls = read_calls(stored)
        return tuple(
            self._original(number, name, array) for number, call in enumerate(calls) for name, array in call.items()
        )

    def _original(self, number: int, kind: str, array: np.ndarray) -> Original:
        file = self._write(f"{FOLDER}/originals/{number}.{_ENDINGS[kind]}", _raw(array))
        return Original(sample=number, file=file, kind=kind, shape=tuple(array.shape))

    def _write(self, name: str, content: bytes) -> str:
        place = self.stage / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return name


_ENDINGS = {"pixels": "rgb", "pcm": "pcm", "text": "txt"}


def _raw(array: np.ndarray) -> bytes:
    """The values in C order, little-endian."""
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def _plain(name: str) -> str:
    """A tensor's name as a part of a file's; long ones, and those that a disk may take for others, get a hash."""
    quoted = quote(name, safe="")
    if quoted == name.lower() and len(quoted) <= _LONGEST:
        return quoted
    return f"{quoted[:_LONGEST]}.{hashlib.sha256(name.encode()).hexdigest()[:8]}"
