"""Plants every kind of fault in one model's artifacts and asks for verdicts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from measure import EDGEPROOF, run

from edgeproof.converters import manifest
from edgeproof.converters.artifact import Artifact
from edgeproof.converters.errors import EdgeproofError
from edgeproof.converters.precision import Precision

from .changes import ALL_LAYERS, ONE_LAYER, Change
from .files import planted, weights_of
from .graphs import EDITS, edited
from .outputs import DAMAGES
from .quantities import SCALE, ZERO_POINT, changed_quantities
from .subjects import Subject
from .verdicts import Bench, Verdict

FORMATS = ("torchscript", "executorch", "litert", "onnx")
_MODEL_FAULTS = {
    "torch": (
        "batch norm in training mode", "dropout left on", "an activation replaced", "epsilon a hundred times as large",
        "BGR for RGB", "height and width exchanged", "inputs through float16", "align_corners changed",
    ),
    "keras": (
        "an activation replaced", "epsilon a hundred times as large", "one layer's weights 0.1 % off",
        "height and width exchanged",
    ),
}  # fmt: skip
_SEED = 11


def correct_ones(bench: Bench, *, threads: tuple[int, ...] = (1, 2, 4), repeats: int = 2) -> Iterator[Verdict]:
    """Artifacts as they were made, over thread counts and repeats."""
    for precision in (Precision.FP32, Precision.INT8):
        for artifact in bench.artifacts(precision):
            for count in threads:
                for place in range(repeats):
                    calls = bench.outputs(artifact, threads=count)
                    yield bench.verdict(artifact, calls, fault="", planted=f"{count} threads, run {place}")


def in_files(bench: Bench) -> Iterator[Verdict]:
    """Weights changed among the bytes of every artifact."""
    artifacts = bench.artifacts()
    graph = next(artifact for artifact in artifacts if artifact.format == "onnx")
    weights = weights_of(Path(graph.file))
    for artifact in artifacts:
        held = [array for array in weights if planted(Path(artifact.file), [array], _same, _SEED) is not None]
        if not held:
            continue
        middle = held[len(held) // 2]
        for name, change in ONE_LAYER.items():
            yield from _of_bytes(bench, artifact, name, "file", _planter(artifact, [middle], change))
        for name, change in ALL_LAYERS.items():
            yield from _of_bytes(bench, artifact, name, "file", _planter(artifact, held, change))


def _same(array: object, _generator: object) -> object:
    return array


def _planter(artifact: Artifact, arrays: list, change: Change) -> Callable[[], bytes | None]:
    return lambda: planted(Path(artifact.file), arrays, change, _SEED)


def in_graphs(bench: Bench) -> Iterator[Verdict]:
    """Operators and attributes of the ONNX artifact changed."""
    (artifact,) = (artifact for artifact in bench.artifacts() if artifact.format == "onnx")
    for name, edit in EDITS.items():
        yield from _of_bytes(bench, artifact, name, "graph", lambda edit=edit: edited(Path(artifact.file), edit))


def in_quantities(bench: Bench) -> Iterator[Verdict]:
    """Scales and zero points of the int8 artifacts changed."""
    for artifact in bench.artifacts(Precision.INT8):
        if artifact.format in {"onnx", "litert"}:
            for fault in (SCALE, ZERO_POINT):
                made = lambda fault=fault, artifact=artifact: changed_quantities(Path(artifact.file), fault)  # noqa: E731
                yield from _of_bytes(bench, artifact, fault, "file", made)


def in_outputs(bench: Bench) -> Iterator[Verdict]:
    """What a correct artifact gives, changed."""
    for artifact in bench.artifacts():
        right = bench.outputs(artifact)
        for name, damage in DAMAGES.items():
            calls = damage(right)
            if calls is not None:
                yield bench.verdict(artifact, calls, fault=name, planted="outputs")


def in_model(bench: Bench, subject: Subject, *, offset: int) -> Iterator[Verdict]:
    """The model broken before it is converted, every fault to two formats in turn."""
    for place, fault in enumerate(_MODEL_FAULTS[subject.framework]):
        source = subject.faulty(fault)
        if source is None:
            continue
        formats = (FORMATS[(place + offset) % 4], FORMATS[(place + offset + 2) % 4])
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "out"
            command = [EDGEPROOF, "convert", *source, "--to", ",".join(formats), "-o", str(folder), "--no-verify", "-q"]
            done = run(command)
            if not (folder / manifest.FILE_NAME).exists():
                if "has nothing for the fault" not in done.stderr:
                    print(f"{bench.name}: {fault}: {done.stderr.strip().splitlines()[:1]}")
                continue
            for record in manifest.read(folder).artifacts:
                yield from _judged(bench, record.in_folder(folder), fault, "model")


def _of_bytes(
    bench: Bench, artifact: Artifact, fault: str, where: str, make: Callable[[], bytes | None]
) -> Iterator[Verdict]:
    data = make()
    if data is None or data == Path(artifact.file).read_bytes():
        return
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / Path(artifact.file).name
        file.write_bytes(data)
        yield from _judged(bench, replace(artifact, file=str(file)), fault, where)


def _judged(bench: Bench, artifact: Artifact, fault: str, where: str) -> Iterator[Verdict]:
    try:
        calls = bench.outputs(artifact)
    except EdgeproofError as error:
        yield bench.broken(artifact, error, fault=fault, planted=where)
        return
    yield bench.verdict(artifact, calls, fault=fault, planted=where)
