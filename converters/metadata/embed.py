"""Writes texts into an artifact without changing what it computes: one entry for all formats, without a framework."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..artifact import Format
from ..checkpoints.opening import damage_named
from ..errors import UsageError
from ..inspection.inspect import inspect_artifact
from ..writing import atomic_replacement
from .executorch import embed_executorch
from .facts import ModelFacts
from .litert import embed_litert
from .onnx import embed_onnx
from .torchscript import embed_torchscript

_TITLES = {"litert": "LiteRT model", "executorch": "ExecuTorch program", "torchscript": "TorchScript archive"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedJob:
    """What to write: `entries` are UTF-8 texts by key ("edgeproof.json").

    `file` is the artifact as it was converted, `output` where the other one goes (it may be the same path). `facts` are
    for formats that have fields for them: LiteRT.
    """

    file: str
    format: str
    output: str
    entries: dict[str, str] = field(default_factory=dict[str, str])
    facts: ModelFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """What became of it: the `keys` that the file holds now, or in `note` why it holds none."""

    keys: tuple[str, ...]
    note: str = ""


def embed(job: EmbedJob) -> Embedded:
    """Write the artifact with its texts, always to the same bytes.

    Formats of third parties have no place for metadata that we know: they are copied as they are. Raises UsageError for
    keys that the file has already, names of tensors or files that do not fit, or a full disk; SourceError or
    UnsafeInput for a file that cannot be read.
    """
    file, output = Path(job.file), Path(job.output)
    if job.format not in set(Format):
        _copy(file, output)
        return Embedded(keys=(), note=f"the format {job.format} has no place for metadata that edgeproof knows")
    _check(job)
    with damage_named(file, _TITLES.get(job.format, "ONNX model")):
        match Format(job.format):
            case Format.ONNX:
                embed_onnx(file, output, job.entries)
            case Format.LITERT:
                embed_litert(file, output, job.entries, job.facts)
            case Format.EXECUTORCH:
                embed_executorch(file, output, job.entries)
            case Format.TORCHSCRIPT:
                embed_torchscript(file, output, job.entries)
    return Embedded(keys=tuple(job.entries))


def _copy(file: Path, output: Path) -> None:
    if file.resolve() != output.resolve():
        with atomic_replacement(output) as partial:
            shutil.copyfile(file, partial)


def _check(job: EmbedJob) -> None:
    wrong = list(_contradictions(job))
    if wrong:
        raise UsageError(
            f"metadata does not fit {job.file}: {'; '.join(wrong)}",
            fix="name tensors as `edgeproof inspect` shows them, and files by their plain names",
        )


def _contradictions(job: EmbedJob) -> Iterator[str]:
    names = [*job.entries, *(job.facts.files if job.facts is not None else ())]
    for name in names:
        if not name or name.startswith(".") or not name.isprintable() or set(name) & set("/\\:"):
            yield f"{name!r} is no plain name"
    if job.facts is None or job.format != Format.LITERT:
        return
    found = inspect_artifact(Path(job.file)).contents
    for texts, facts in ((job.facts.inputs, found.inputs), (job.facts.outputs, found.outputs)):
        unknown = {text.name for text in texts} - {fact.name for fact in facts}
        yield from (f"it has no tensor {name!r}" for name in sorted(unknown))
        missing = {text.labels for text in texts if text.labels is not None} - job.facts.files.keys()
        yield from (f"no file {name!r} with labels travels with it" for name in sorted(missing))
