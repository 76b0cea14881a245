"""What the artifacts of a bundle need at run time, read from the shipped files, with what builds a small runtime."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from ...converters.artifact import Format
from ...converters.manifest import ArtifactRecord
from ...converters.needs.needs import RuntimeNeeds
from ...converters.needs.optimising import optimise_task
from ...converters.needs.reading import needs_of
from ...converters.worker.pool import Finished, Limits, Pool
from ..pipeline import Listener
from .replay import ARTIFACTS

FOLDER = "runtime"
_RUNTIME = "onnxruntime"


def needs_of_all(
    stage: Path, records: Sequence[ArtifactRecord], limits: Limits, on_progress: Listener
) -> dict[str, RuntimeNeeds]:
    """The needs of every artifact by its file name; what builds a runtime for it is written into `runtime/`.

    Where ONNX Runtime is installed, the operators that its optimisation makes of an ONNX model are among those of its
    reduced build.
    """
    found: dict[str, RuntimeNeeds] = {}
    with tempfile.TemporaryDirectory(prefix="edgeproof-needs-") as scratch:
        optimised = _optimised(stage, records, Path(scratch), limits, on_progress)
        for record in records:
            file = stage / ARTIFACTS / record.file
            needs, build = needs_of(file, record.format, made_by=record.made_by, optimised=optimised.get(record.file))
            if build is not None:
                name = f"{FOLDER}/{record.file}.{build.name}"
                (stage / FOLDER).mkdir(exist_ok=True)
                (stage / name).write_text(build.text, encoding="utf-8")
                needs = replace(needs, reduced_build=name)
            found[record.file] = needs
    return found


def _optimised(
    stage: Path, records: Sequence[ArtifactRecord], scratch: Path, limits: Limits, on_progress: Listener
) -> dict[str, Path]:
    """What ONNX Runtime makes of the ONNX models when it loads them."""
    wanted = [record for record in records if record.format == Format.ONNX]
    if not wanted or find_spec(_RUNTIME) is None:
        return {}
    places = {record.file: scratch / record.file for record in wanted}
    with Pool(limits, on_progress=on_progress) as pool:
        for name, place in places.items():
            pool.submit(optimise_task(str(stage / ARTIFACTS / name), str(place)), _require_written)
        pool.drain()
    return places


def _require_written(finished: Finished[str]) -> None:
    if finished.error is not None:
        raise finished.error
