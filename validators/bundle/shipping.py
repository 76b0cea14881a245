"""Artifacts as they are shipped: what an app must know stands in the file itself."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ...converters.inspection.findings import TensorFacts
from ...converters.manifest import ArtifactRecord, SourceRecord, file_sha256
from ...converters.metadata.embed import EmbedJob, embed
from ...converters.metadata.facts import ImageFacts, ModelFacts, TensorText
from ...converters.micro_backends import micro_backend
from ...converters.preprocessing.kinds import Colours, ImageSpec
from ...converters.preprocessing.spec import FILE_NAME as SPEC
from ...converters.versions import versions_of
from .identity import LABELS, Identity
from .manifest import BundledTensor
from .replay import ARTIFACTS
from .tensors import Known, contents_of, matched, tensors_of

KEY = "edgeproof.json"
# It is judged by compiling it again, to the same bytes; and flash is dear.
_BARE = "it carries no metadata inside: a microcontroller's file is shipped as it was compiled"
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
        if micro_backend(record.backend) is not None:
            shutil.copyfile(self.folder / record.file, file)
            return replace(record, notes=(*record.notes, _BARE))
        contents = contents_of(self.folder / record.file, record)
        inputs = tensors_of(record.inputs, contents.inputs, record, self.known)
        outputs = tensors_of(record.outputs, contents.outputs, record, self.known)
        texts = (
            self._tensor_texts(inputs, matched(record.inputs, contents.inputs)),
            self._tensor_texts(outputs, matched(record.outputs, contents.outputs)),
        )
        job = EmbedJob(
            file=str(self.folder / record.file),
            format=record.format,
            output=str(file),
            entries={KEY: self._text(record, inputs, outputs)},
            facts=self._facts(record, *texts),
        )
        note = embed(job).note
        notes = (*record.notes, note) if note else record.notes
        return replace(record, sha256=file_sha256(file), bytes=file.stat().st_size, notes=notes)

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
        self, record: ArtifactRecord, inputs: tuple[TensorText, ...], outputs: tuple[TensorText, ...]
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
            inputs=inputs,
            outputs=outputs,
            files=files,
        )

    def _tensor_texts(
        self, tensors: tuple[BundledTensor, ...], facts: tuple[TensorFacts, ...]
    ) -> tuple[TensorText, ...]:
        """One for each tensor that has a name in the file, under that name."""
        pairs = zip(tensors, facts, strict=True)
        return tuple(self._tensor_text(tensor, fact.name) for tensor, fact in pairs if fact.name is not None)

    def _tensor_text(self, tensor: BundledTensor, name: str) -> TensorText:
        spec, labels = self.identity.spec, self.identity.labels
        image = _image_facts(spec) if isinstance(spec, ImageSpec) and spec.input == tensor.name else None
        parts = (tensor.dtype, str(list(tensor.shape)), tensor.layout, tensor.colours)
        return TensorText(
            name=name,
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
