"""manifest.json: what was made from which source, readable by any language."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from .artifact import Artifact
from .errors import InputError
from .job import Description
from .precision import Precision
from .signature import Dim, Signature, TensorSpec
from .source import Source

SCHEMA = 1
FILE_NAME = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """The source: file names without folders, and hashes instead of paths."""

    name: str
    framework: str
    kind: str
    file: str | None
    factory: str | None
    sha256: str
    parameters: int
    made_by: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRecord:
    """One artifact; `dims` holds the bounds of the dynamic dimensions that shapes name."""

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
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The contents of manifest.json; `signature_*` are the source's own, in its layout."""

    schema: int = SCHEMA
    source: SourceRecord
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    dims: tuple[Dim, ...] = ()
    artifacts: tuple[ArtifactRecord, ...] = ()

    @property
    def signature(self) -> Signature:
        """The source's signature."""
        return Signature(inputs=self.inputs, outputs=self.outputs, dims=self.dims)


def record_source(description: Description) -> SourceRecord:
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
    )


def source_sha256(source: Source) -> str:
    """SHA-256 over the checkpoint's bytes, the factory's file and its arguments, each where there is one."""
    digest = hashlib.sha256()
    if source.path:
        digest.update(bytes.fromhex(file_sha256(Path(source.path))))
    if source.factory:
        place = source.factory.rpartition(":")[0]
        digest.update(Path(place).read_bytes() if place.endswith(".py") else source.factory.encode())
        digest.update(msgspec.json.encode(source.factory_args))
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _without_folder(factory: str) -> str:
    place, _, function = factory.rpartition(":")
    return f"{Path(place).name}:{function}" if place.endswith(".py") else factory


def encode(manifest: Manifest) -> bytes:
    """manifest.json as bytes, indented, the same for the same manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def read(folder: Path) -> Manifest:
    """The manifest of a folder; InputError if there is none or it cannot be read."""
    path = folder / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise InputError(
            f"{folder} has no {FILE_NAME}", fix="name a folder that `edgeproof convert` wrote, or one artifact in it"
        ) from error
    except msgspec.DecodeError as error:
        raise InputError(f"{path} is not a manifest: {error}", fix="convert again") from error
