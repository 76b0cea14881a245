"""Artifacts as they are shipped: what an app must know stands in the file itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ...converters.artifact import Format
from ...converters.inspection.inspect import inspect_artifact
from ...converters.manifest import ArtifactRecord, SourceRecord, file_sha256
from ...converters.metadata.embed import EmbedJob, embed
from ...converters.metadata.facts import ImageFacts, ModelFacts, TensorText
from ...converters.preprocessing.kinds import Colours, ImageSpec
from ...converters.preprocessing.spec import FILE_NAME as SPEC
from ...converters.versions import versions_of
from .identity import LABELS, Identity
from .manifest import BundledTensor
from .replay import ARTIFACTS
from .tensors import Known, tensors_of

KEY = "edgeproof.json"
_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipping:
    """Writes the artifacts that lie in `folder` into the folder `stage` of a bundle."""

    folder: Path
    stage: Path
    identity: Identity
    source: SourceRecord
    known: Known

    def ship(self, record: ArtifactRecord) -> ArtifactRecord:
        """Write one artifact with its metadata; returns its record with the shipped file's hash and size."""
        file = self.stage / ARTIFACTS / record.file
        file.parent.mkdir(exist_ok=True)
        inputs, outputs = self._tensors(record)
        job = EmbedJob(
            file=str(self.folder / record.file),
            format=record.format,
            output=str(file),
            entries={KEY: self._text(record, inputs, outputs)},
            facts=self._facts(record, inputs, outputs),
        )
        note = embed(job).note
        notes = (*record.notes, note) if note else record.notes
        return replace(record, sha256=file_sha256(file), bytes=file.stat().st_size, notes=notes)

    def _tensors(self, record: ArtifactRecord) -> tuple[tuple[BundledTensor, ...], tuple[BundledTensor, ...]]:
        if record.format not in set(Format):
            return (), ()
        contents = inspect_artifact(self.folder / record.file).contents
        return (
            tensors_of(record.inputs, contents.inputs, record, self.known),
            tensors_of(record.outputs, contents.outputs, record, self.known),
        )

    def _text(
        self, record: ArtifactRecord, inputs: tuple[BundledTensor, ...], outputs: tuple[BundledTensor, ...]
    ) -> str:
        """What stands in every format alike, as JSON on one line."""
        identity = self.identity
        content = {
            "schema": _SCHEMA,
            "name": identity.name,
            "version": identity.version,
            "license": identity.license,
            "source_sha256": self.source.sha256,
            "format": record.format,
            "backend": record.backend,
            "precision": record.precision,
            "inputs": inputs,
            "outputs": outputs,
            "dims": record.dims,
            "preprocess": identity.spec,
            "labels": {"output": identity.labels.output, "names": identity.labels.names} if identity.labels else None,
            "edgeproof": versions_of("edgeproof").get("edgeproof", "unknown"),
        }
        return msgspec.json.encode(content).decode()

    def _facts(
        self, record: ArtifactRecord, inputs: tuple[BundledTensor, ...], outputs: tuple[BundledTensor, ...]
    ) -> ModelFacts:
        """The same for formats that have fields for it."""
        identity, files = self.identity, dict[str, str]()
        if identity.labels is not None:
            files[LABELS] = "".join(f"{name}\n" for name in identity.labels.names)
        if identity.spec_file is not None:
            files[SPEC] = identity.spec_file.read_text(encoding="utf-8")
        return ModelFacts(
            name=identity.name,
            version=identity.version,
            description=f"{record.precision} from {self.source.file or self.source.factory or self.source.name}",
            license=identity.license,
            inputs=tuple(map(self._tensor_text, inputs)),
            outputs=tuple(map(self._tensor_text, outputs)),
            files=files,
        )

    def _tensor_text(self, tensor: BundledTensor) -> TensorText:
        spec, labels = self.identity.spec, self.identity.labels
        image = _image_facts(spec) if isinstance(spec, ImageSpec) and spec.input == tensor.name else None
        parts = (tensor.dtype, str(list(tensor.shape)), tensor.layout, tensor.colours)
        return TensorText(
            name=tensor.name,
            description=" ".join(part for part in parts if part),
            image=image,
            low=(tensor.range[0],) if tensor.range else (),
            high=(tensor.range[1],) if tensor.range else (),
            labels=LABELS if labels is not None and labels.output == tensor.name else None,
        )


def _image_facts(spec: ImageSpec) -> ImageFacts:
    """(pixel / divisor - mean) / std in pixels' own unit, where LiteRT's metadata has it."""
    channels = spec.colours.channels
    means, stds = spec.mean or (0.0,) * channels, spec.std or (1.0,) * channels
    return ImageFacts(
        colours=None if spec.colours is Colours.BGR else str(spec.colours),
        mean=tuple(mean * spec.divisor for mean in means),
        std=tuple(std * spec.divisor for std in stds),
    )
