"""What an example must know of its artifact, whatever its language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath

import msgspec

from ....converters.job import Layout
from ....converters.preprocessing.kinds import AudioSpec, ImageSpec, Spec, TextSpec
from ..manifest import BundledArtifact, BundleManifest, Original
from ..replay import ARTIFACTS

RUNTIMES = {
    "executorch": "ExecuTorch",
    "litert": "LiteRT",
    "onnx": "ONNX Runtime",
    "torchscript": "PyTorch",
}
_KINDS: dict[type, str] = {ImageSpec: "pixels", AudioSpec: "pcm"}
_TEMPLATES = files(__package__) / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """An artifact with the specification that makes one of its inputs; `spec` has the artifact's own layout."""

    manifest: BundleManifest
    artifact: BundledArtifact
    spec: Spec | None

    @property
    def stem(self) -> str:
        """The artifact's file without its ending: the examples are called by it."""
        return PurePosixPath(self.artifact.file).stem

    @property
    def class_name(self) -> str:
        """The stem as a class is called: "net.onnx.fp32" is NetOnnxFp32."""
        words = "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", self.stem))
        return words if words[:1].isalpha() else f"Model{words}"

    @property
    def path(self) -> str:
        """Where the artifact lies in the bundle."""
        return f"{ARTIFACTS}/{PurePosixPath(self.artifact.file).name}"

    @property
    def runtime(self) -> str:
        """The runtime as its makers call it."""
        return RUNTIMES.get(self.artifact.format, self.artifact.format)

    @property
    def made(self) -> ImageSpec | AudioSpec | None:
        """The specification that examples implement; texts are not among them."""
        return self.spec if isinstance(self.spec, ImageSpec | AudioSpec) and self.made_input is not None else None

    @property
    def made_input(self) -> int | None:
        """Which input the specification makes, by its place."""
        if not isinstance(self.spec, ImageSpec | AudioSpec):
            return None
        names = [tensor.name for tensor in self.artifact.inputs]
        return names.index(self.spec.input) if self.spec.input in names else None

    @property
    def originals(self) -> tuple[Original, ...]:
        """The samples before preprocessing that the specification applies to."""
        kind = _KINDS.get(type(self.made))
        return tuple(original for original in self.manifest.originals if original.kind == kind)

    @property
    def proven(self) -> bool:
        """Whether the samples were made by the specification, so that their bits must come out."""
        described = self.manifest.preprocessing
        return self.made is not None and described is not None and described.proven

    @property
    def labelled(self) -> int | None:
        """The place of the output that labels name."""
        names = [tensor.name for tensor in self.artifact.outputs]
        labels = self.manifest.labels
        return names.index(labels.output) if labels is not None and labels.output in names else None

    @property
    def exact_engine(self) -> bool:
        """Whether a TorchScript file has integer kernels, which must be packed for an engine that does not saturate."""
        return self.artifact.format == "torchscript" and any("quantized.engine" in note for note in self.artifact.notes)

    def slots(self, comment: str) -> dict[str, str]:
        """What every template says of the artifact, and what it leaves out in a comment of its language."""
        parts = ("preprocessing",) if self.made is not None else ()
        named = ("labels",) if self.labelled is not None else ()
        return {
            "PATH": self.path,
            "STEM": self.stem,
            "PRECISION": str(self.artifact.precision),
            "RUNTIME": self.runtime,
            "WHAT": f"{', '.join((*parts, 'inference', *named))} and a self-test",
            "PRINTS": "the label of each and its score" if named else "the first values of each output",
            "REMARKS": f"{comment}{self._remark}\n" if self._remark else "",
        }

    @property
    def _remark(self) -> str | None:
        if not isinstance(self.spec, TextSpec):
            return None
        files = ", ".join(self.spec.tokenizer)
        return f"It takes tokens and makes none of a text: Hugging Face's tokenizers do, with {files} of the bundle."


def facts_of(manifest: BundleManifest, artifact: BundledArtifact, spec: Spec | None) -> Facts:
    """The facts, with the layout that the artifact wants of an image."""
    if isinstance(spec, ImageSpec):
        layouts = {tensor.name: tensor.layout for tensor in artifact.inputs}
        wanted = layouts.get(spec.input)
        if wanted is not None and wanted != spec.layout:
            spec = msgspec.structs.replace(spec, layout=Layout(wanted))
    return Facts(manifest=manifest, artifact=artifact, spec=spec)


def template(language: str, name: str) -> str:
    """A template's text; those in Python have another ending, since they are no modules."""
    file = f"{name}.in" if language == "python" and name.endswith(".py") else name
    return (_TEMPLATES / language / file).read_text(encoding="utf-8")


def filled(text: str, slots: Mapping[str, str]) -> str:
    """A template with its slots (@@NAME@@) filled; KeyError names one that stays open."""
    for name, content in slots.items():
        text = text.replace(f"@@{name}@@", content)
    if "@@" in text:
        raise KeyError(text[text.index("@@") :].split("@@")[1])
    return text
