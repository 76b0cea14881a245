"""manifest.json: what was made from which source, readable by any language."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from .artifact import Artifact
from .companions import Companion
from .documents import Document
from .errors import InputError
from .estimate import Estimate
from .feedback import Feedback
from .job import Description
from .precision import Precision
from .quantization.backend_recipe import BackendRecipe
from .quantization.execution import Execution
from .signature import Dim, Signature, TensorSpec
from .source import Source, Trust
from .worker.confinement import Containment

SCHEMA = 1
FILE_NAME = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """The source: file names without folders, hashes for paths; `trust` is what of its code was allowed to run.

    `containment` is what held for the workers that opened its file; null for a factory alone, which keeps everything.
    """

    name: str
    framework: str
    kind: str
    file: str | None
    factory: str | None
    sha256: str
    parameters: int
    made_by: dict[str, str]
    trust: tuple[Trust, ...] = ()
    containment: Containment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRecord:
    """One artifact; `inputs` and `outputs` are in the order of its calls.

    `dims` holds the bounds of the dynamic dimensions that shapes name, `layouts` maps a tensor to "nchw" or "nhwc"
    where it differs from the source's, `route` names the steps that made it, `made_by` maps tools to versions.
    `execution` says of a quantised artifact which of its heavy operators compute in integers, and why others do not.
    `companions` are files beside it that judging needs, `backend_recipe` is there in place of a recipe where a backend
    quantises by itself, `estimate` where its compiler says what it expects.
    """

    file: str
    format: str
    backend: str
    precision: Precision
    sha256: str
    bytes: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    dims: tuple[Dim, ...] = ()
    layouts: dict[str, str] = field(default_factory=dict[str, str])
    route: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    made_by: dict[str, str] = field(default_factory=dict[str, str])
    execution: Execution | None = None
    companions: tuple[Companion, ...] = ()
    backend_recipe: BackendRecipe | None = None
    estimate: Estimate | None = None

    def in_folder(self, folder: Path) -> Artifact:
        """The artifact itself, where it lies."""
        return Artifact(
            file=str(folder / self.file),
            format=self.format,
            backend=self.backend,
            precision=self.precision,
            signature=Signature(inputs=self.inputs, outputs=self.outputs, dims=self.dims),
            sha256=self.sha256,
            bytes=self.bytes,
            route=self.route,
            notes=self.notes,
            layouts=self.layouts,
            made_by=self.made_by,
            execution=self.execution,
            companions=self.companions,
            backend_recipe=self.backend_recipe,
            estimate=self.estimate,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The contents of manifest.json; `inputs`, `outputs` and `dims` are the source's own, in its layout.

    `recipes` maps a quantised precision to the file that says how: layers, scales, and what they come from. `golden`
    has the SHA-256 of every file in golden/ that a verdict stands on, `feedback` which of its calls are a sequence.
    `preprocess` is the SHA-256 of preprocess.json, where files became samples as that says; `calibration_sha256` covers
    names, dtypes, shapes and values of the calls that scales come from.
    """

    schema: int = SCHEMA
    source: SourceRecord
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    dims: tuple[Dim, ...] = ()
    artifacts: tuple[ArtifactRecord, ...] = ()
    recipes: dict[str, str] = field(default_factory=dict[str, str])
    golden: dict[str, str] = field(default_factory=dict[str, str])
    feedback: Feedback | None = None
    preprocess: str | None = None
    calibration_sha256: str | None = None

    @property
    def signature(self) -> Signature:
        """The source's signature."""
        return Signature(inputs=self.inputs, outputs=self.outputs, dims=self.dims)


def record_source(description: Description, containment: Containment | None = None) -> SourceRecord:
    """What the manifest says about a described source."""
    source = description.source
    return SourceRecord(
        name=source.name,
        framework=source.framework,
        kind=source.kind,
        file=Path(source.path).name if source.path else None,
        factory=_without_folder(source.factory) if source.factory else None,
        sha256=source_sha256(source),
        parameters=description.parameters,
        made_by=description.made_by,
        trust=source.opening.trust,
        containment=containment,
    )


def record_artifact(artifact: Artifact) -> ArtifactRecord:
    """What the manifest says about an artifact."""
    return ArtifactRecord(
        file=Path(artifact.file).name,
        format=artifact.format,
        backend=artifact.backend,
        precision=artifact.precision,
        sha256=artifact.sha256,
        bytes=artifact.bytes,
        inputs=artifact.signature.inputs,
        outputs=artifact.signature.outputs,
        dims=artifact.signature.dims,
        layouts=artifact.layouts,
        route=artifact.route,
        notes=artifact.notes,
        made_by=artifact.made_by,
        execution=artifact.execution,
        companions=artifact.companions,
        backend_recipe=artifact.backend_recipe,
        estimate=artifact.estimate,
    )


def source_sha256(source: Source) -> str:
    """SHA-256 over the checkpoint's bytes, the factory's file and its arguments, each where there is one."""
    digest = hashlib.sha256()
    if source.path:
        digest.update(bytes.fromhex(_content_sha256(Path(source.path))))
    if source.factory:
        is_file = source.factory.endswith(".json")  # an architecture in place of a function
        place = source.factory if is_file else source.factory.rpartition(":")[0]
        digest.update(Path(place).read_bytes() if is_file or place.endswith(".py") else source.factory.encode())
        digest.update(msgspec.json.encode(source.factory_args))
    return digest.hexdigest()


def _content_sha256(path: Path) -> str:
    """That of a file; for a folder over the names and contents of all files in it, in order."""
    if not path.is_dir():
        return file_sha256(path)
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{file_sha256(file)}\0".encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _without_folder(factory: str) -> str:
    place, _, function = factory.rpartition(":")
    return f"{Path(place).name}:{function}" if place.endswith(".py") else factory


_DOCUMENT = Document(
    content=Manifest,
    title="manifest",
    schema=SCHEMA,
    fix="convert again with `edgeproof convert`, or use the edgeproof that wrote it",
)


def encode(manifest: Manifest) -> bytes:
    """manifest.json as bytes, indented, the same for the same manifest."""
    return _DOCUMENT.encode(manifest)


def read(folder: Path) -> Manifest:
    """The manifest of a folder; InputError if there is none, it cannot be read, or has another schema version."""
    path = folder / FILE_NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"{folder} has no {FILE_NAME}", fix="name a folder that `edgeproof convert` wrote, or one artifact in it"
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", fix="check its permissions") from error
    return _DOCUMENT.decode(data, name=str(path))


def schema_text() -> str:
    """The JSON Schema as the text of docs/schemas/manifest.schema.json."""
    return _DOCUMENT.schema_text()
