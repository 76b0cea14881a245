"""What lies in a bundle so that it can be judged again without its source: calls, outputs, truth and floor of a part.

It is the folder `verification/`, which together with `artifacts/` is what `convert` writes, for some of the calls.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...converters import manifest
from ...converters.errors import InputError
from ...converters.manifest import ArtifactRecord, Manifest, file_sha256
from ...converters.output_folder import RECIPES
from ...converters.precision import Precision
from ...converters.spread import SAMPLES, spread
from ...converters.tensors import read_calls, write_calls
from ..golden import FOLDER as GOLDEN
from ..golden import Golden, copied
from ..parity import ParityReport
from ..reports import json as report_json
from ..samples import hash_calls
from ..targets.selection import selection

FOLDER = "verification"
ARTIFACTS = "artifacts"
_REPORT = "parity.json"


def samples_of(golden: Golden) -> tuple[int, ...]:
    """The calls that a bundle shows to people, in ascending order: some real samples, or the example without any."""
    return tuple(spread(range(golden.real), SAMPLES)) or (0,)


def positions_of(golden: Golden) -> tuple[int, ...]:
    """The calls that a bundle carries, in ascending order: `samples_of`, and what a slow target runs besides."""
    count = sum(1 for _ in read_calls(golden.calls))
    others = selection(count, real=golden.real, feedback=golden.feedback)
    return tuple(sorted({*samples_of(golden), *(place for place in others if place >= golden.real)}))


def store(stage: Path, folder: Path, made: Manifest, report: ParityReport, records: Sequence[ArtifactRecord]) -> None:
    """Write `verification/` of a bundle in `stage`, for artifacts as they are shipped (`records`).

    `made` and `report` are those of the folder that `convert` wrote. Raises InputError if what it holds is not what was
    written.
    """
    place = stage / FOLDER
    place.mkdir()
    scratch = place / "all"
    scratch.mkdir()
    golden = copied(folder, scratch, made)
    golden.real = report.real_calls
    positions = positions_of(golden)
    part = _part(golden, positions, scratch / "part", records)
    shutil.copytree(part.folder, place / GOLDEN)
    calls = list(read_calls(part.calls))
    shutil.rmtree(scratch)
    recipes = {name: file for name, file in made.recipes.items() if any(each.precision == name for each in records)}
    for file in recipes.values():
        (place / file).parent.mkdir(exist_ok=True)
        for stored in (file, str(Path(file).with_suffix(".npz"))):  # its numbers lie beside it
            _copy(folder / stored, place / stored)
    for companion in (each for record in records for each in record.companions):
        _copy(folder / companion.file, place / companion.file)
    files = {path.name: file_sha256(path) for path in sorted((place / GOLDEN).iterdir())}
    kept = replace(made, artifacts=tuple(records), recipes=recipes, golden=files, feedback=part.feedback)
    (place / manifest.FILE_NAME).write_bytes(manifest.encode(kept))
    bundled = replace(report, results=(), samples_sha256=hash_calls(calls), samples=len(calls), real_calls=part.real)
    (place / _REPORT).write_bytes(report_json.encode(bundled))


def _copy(source: Path, place: Path) -> None:
    if not source.is_file():
        raise InputError(f"{source} is missing", fix="restore it, or convert again")
    shutil.copyfile(source, place)


def _part(golden: Golden, positions: Sequence[int], folder: Path, records: Sequence[ArtifactRecord]) -> Golden:
    """Some of the calls, with what they are judged by."""
    kinds = {(record.precision, record.format) for record in records if record.precision is not Precision.FP32}
    simulations = [golden.simulation(precision, made) for precision, made in sorted(kinds)]
    part = golden.part(positions, folder, simulations=simulations)
    wanted = set(positions)
    write_calls(part.calls, (call for place, call in enumerate(read_calls(golden.calls)) if place in wanted))
    part.store_floor(golden.stored_floor().part(positions))
    return part


def assemble(bundle: Path, place: Path) -> None:
    """Lay out a bundle's artifacts with what judges them in `place`, as `convert` would have written them.

    Raises InputError if the bundle has no such part.
    """
    if not (bundle / FOLDER / manifest.FILE_NAME).is_file():
        raise InputError("the bundle holds nothing to judge by", fix="make it again with `edgeproof bundle`")
    shutil.copytree(bundle / FOLDER, place)
    for file in (bundle / ARTIFACTS).iterdir():
        (place / file.name).symlink_to(file.resolve())
    (place / RECIPES).mkdir(exist_ok=True)
