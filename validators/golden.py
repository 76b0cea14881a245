"""The files beside the artifacts that a verdict stands on: calls, the source's outputs, the truth, the noise floor."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

from ..converters.documents import Document
from ..converters.errors import InputError
from ..converters.feedback import Feedback
from ..converters.manifest import Manifest, file_sha256
from ..converters.precision import Precision
from ..converters.tensors import Call, read_calls, write_calls
from ..converters.writing import write_atomically
from .noise_floor import FloorKind, Group, NoiseFloor, measure_floor, undecided
from .observer import Truth
from .samples import SampleSet

FOLDER = "golden"
DOCUMENT = Document(content=NoiseFloor, title="noise floor", schema=2, fix="convert again")


class Golden:
    """The files in `folder`/golden.

    Of the calls the first `real` are real inputs, the example comes next, then generated ones; `feedback` says where a
    sequence with the model's own state begins, if it carries state.
    """

    def __init__(self, folder: Path, *, real: int = 0, feedback: Feedback | None = None) -> None:
        self.folder = folder / FOLDER
        self.folder.mkdir(exist_ok=True)
        self.real = real
        self.feedback = feedback

    def store(self, samples: SampleSet, feedback: Feedback | None) -> None:
        """Write the calls where runners find them."""
        write_calls(self.calls, samples.calls)
        self.real, self.feedback = samples.given, feedback

    @property
    def calls(self) -> Path:
        """The file of calls to run."""
        return self.folder / "samples.npz"

    @property
    def reference(self) -> Path:
        """The file of the source's outputs."""
        return self.folder / "reference.npz"

    @property
    def truth(self) -> Path:
        """The file of what the source's program gives in float64."""
        return self.folder / "truth.npz"

    @property
    def program(self) -> Path:
        """The file of what the source's program gives in float32, outside its framework's own class."""
        return self.folder / "program.npz"

    @property
    def undecided(self) -> Path:
        """The file that says which integers and booleans hang on the source's rounding; absent where there are none."""
        return self.folder / "undecided.npz"

    @property
    def originals(self) -> Path:
        """The file of what the first samples were before preprocessing; absent where no specification made them."""
        return self.folder / "originals.npz"

    def keep_originals(self, path: str | None) -> None:
        """Take over the file of originals that a worker wrote, if it did."""
        if path is not None:
            shutil.copyfile(path, self.originals)

    @property
    def floor(self) -> Path:
        """The file of the noise floor."""
        return self.folder / "floor.json"

    def simulation(self, precision: Precision, format_name: str) -> Path:
        """The file of what the simulated model of a precision gives, rounded as a format does."""
        return self.folder / f"simulated.{format_name}.{precision}.npz"

    @property
    def groups(self) -> Iterator[Group]:
        """The group of every call; the last one goes on for ever."""
        real = self.real + 1
        if self.feedback is None:
            return chain(repeat(Group.REAL, real), repeat(Group.PROBES))
        return chain(repeat(Group.REAL, real), repeat(Group.PROBES, self.feedback.start - real), repeat(Group.LOOP))

    def measure(self, jittered: Sequence[Path], wide: Sequence[Path], *, why: str = "") -> NoiseFloor:
        """Measure the floor and store it, with what is undecided, after the runs that it takes.

        `why` says that the source did not run in float64, so that the jittered runs are of the source itself.
        """
        exact = None if why else read_calls(self.truth)
        floor = measure_floor(read_calls(self.reference), exact, [*map(read_calls, jittered)], self.groups)
        floor = floor.trusted() if not why else replace(floor, why=why)
        self.store_floor(floor)
        self._store_undecided([*([] if why else [self.truth]), *jittered, *wide])
        return floor

    def measure_again(self) -> NoiseFloor:
        """The floor of a source that ran again, with the jitter that was stored."""
        stored = self.stored_floor()
        exact = read_calls(self.truth) if self.truth.exists() else None
        floor = measure_floor(read_calls(self.reference), exact, [], self.groups, unsteady=stored.unsteady)
        return floor.with_jitter_of(stored).trusted()

    def stored_floor(self) -> NoiseFloor:
        """The floor that was stored; InputError if that is no such file."""
        return DOCUMENT.decode(self.floor.read_bytes(), name=f"{FOLDER}/{self.floor.name}")

    def store_floor(self, floor: NoiseFloor) -> None:
        """Write the floor."""
        write_atomically(self.floor, DOCUMENT.encode(floor))

    def part(self, positions: Sequence[int], folder: Path, *, simulations: Sequence[Path] = ()) -> Golden:
        """The same for some of the calls alone, by position in ascending order, in `folder`.

        Of simulations only those that are named are taken: others may be just being written.
        """
        folder.mkdir(parents=True)
        feedback = self.feedback and replace(
            self.feedback, start=sum(position < self.feedback.start for position in positions)
        )
        part = Golden(folder, real=sum(position < self.real for position in positions), feedback=feedback)
        wanted = set(positions)
        for path in (self.reference, self.truth, self.program, self.undecided, *simulations):
            if path.exists():
                calls = enumerate(read_calls(path))
                write_calls(part.folder / path.name, (call for place, call in calls if place in wanted))
        return part

    def truths(self, floor: NoiseFloor) -> Iterator[Truth]:
        """What is known of every call beyond the source's outputs."""
        exact: Iterator[Call | None] = repeat(None)
        if floor.kind is FloorKind.FLOAT64:
            exact = read_calls(self.truth)
        nothing: Call = {}
        masks: Iterator[Call] = repeat(nothing)
        if self.undecided.exists():
            masks = read_calls(self.undecided)
        for place, (group, known, mask) in enumerate(zip(self.groups, exact, masks, strict=False)):
            unsteady = frozenset(name for name, places in floor.unsteady.items() if place in places)
            yield Truth(group=group, exact=known, undecided=mask, unsteady=unsteady)

    def _store_undecided(self, others: Sequence[Path]) -> None:
        nothing: Call = {}
        first = next(read_calls(self.reference), nothing)
        if all(array.dtype.kind == "f" for array in first.values()):
            return
        streams = zip(read_calls(self.reference), *map(read_calls, others), strict=False)
        write_calls(self.undecided, (undecided(source, moved) for source, *moved in streams))

    def hashes(self) -> dict[str, str]:
        """The SHA-256 of every file that a verdict stands on; what artifacts gave is not among them."""
        plain = (self.calls, self.reference, self.truth, self.program, self.undecided, self.floor, self.originals)
        standing = (*plain, *sorted(self.folder.glob("simulated.*.npz")))
        return {path.name: file_sha256(path) for path in standing if path.exists()}


def copied(folder: Path, scratch: Path, made: Manifest) -> Golden:
    """The golden files of a folder in a place to work in, so that the folder that is judged stays as it is.

    Raises InputError if one is missing, or is not the one that was written.
    """
    if not made.golden:
        raise InputError(
            f"{folder} holds nothing to judge by", fix="convert again, without --no-verify, or with this edgeproof"
        )
    golden = Golden(scratch, feedback=made.feedback)
    for name, sha256 in made.golden.items():
        path = golden.folder / Path(name).name
        stored = folder / FOLDER / path.name
        if not stored.is_file():
            raise InputError(f"{stored} is missing", fix="restore it, or convert again")
        shutil.copyfile(stored, path)
        if file_sha256(path) != sha256:
            raise InputError(
                f"{stored} is not the file that was written: its SHA-256 differs from the manifest's",
                fix="restore it, or convert again",
            )
    return golden
