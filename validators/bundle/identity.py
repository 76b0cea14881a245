"""What whoever makes a bundle says about it, held against the model: name, version, licence, labels, preprocessing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ...converters.errors import InputError, UsageError
from ...converters.manifest import Manifest, file_sha256
from ...converters.preprocessing.fitting import check_spec
from ...converters.preprocessing.kinds import Spec, TextSpec
from ...converters.preprocessing.spec import FILE_NAME as SPEC
from ...converters.preprocessing.spec import read_spec
from .labels import LabelNames, read_labels_file
from .request import BundleRequest

LABELS = "labels.txt"
LICENCE = "LICENSE.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What goes by its name: `spec_file` is where the specification lies, `proven` that convert made samples by it."""

    name: str
    version: str
    license: str | None = None
    licence_file: Path | None = None
    labels: LabelNames | None = None
    spec: Spec | None = None
    spec_file: Path | None = None
    proven: bool = False

    def write(self, stage: Path) -> None:
        """Write the files of it into a bundle's folder."""
        if self.labels is not None:
            (stage / LABELS).write_text("".join(f"{name}\n" for name in self.labels.names), encoding="utf-8")
        if self.licence_file is not None:
            shutil.copyfile(self.licence_file, stage / LICENCE)
        if self.spec_file is not None:
            shutil.copyfile(self.spec_file, stage / SPEC)
            for name in self.spec.tokenizer if isinstance(self.spec, TextSpec) else ():
                (stage / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.spec_file.parent / name, stage / name)


def identified(request: BundleRequest, made: Manifest) -> Identity:
    """The identity of a bundle; InputError for labels or a specification that do not fit the model."""
    spec_file, proven = _spec_file(request, made)
    spec = None
    if spec_file is not None:
        spec = read_spec(spec_file)
        check_spec(spec, made.signature)
    licence_file = _licence_file(request.license)
    name = request.name or made.source.name
    if not name.strip() or not name.isprintable() or "/" in name:
        raise UsageError(f"{name!r} is no name for a bundle", fix="--name with plain letters")
    return Identity(
        name=name,
        version=request.version or f"0+{made.source.sha256[:8]}",
        license=LICENCE if licence_file else request.license,
        licence_file=licence_file,
        labels=read_labels_file(request.labels, made.signature) if request.labels else None,
        spec=spec,
        spec_file=spec_file,
        proven=proven,
    )


def _licence_file(text: str | None) -> Path | None:
    """The file, if it is one; UsageError for what can only be a file and is none."""
    if text is None:
        return None
    if "\n" in text or ("/" in text and not Path(text).is_file()):
        raise UsageError(f"--license {text[:80]!r} is no file", fix="name a file, or an SPDX expression such as MIT")
    return Path(text) if Path(text).is_file() else None


def _spec_file(request: BundleRequest, made: Manifest) -> tuple[Path | None, bool]:
    """Where the specification lies, and whether convert used it; InputError if another one is given."""
    used = request.folder / SPEC if made.preprocess else None
    if used is not None and (not used.is_file() or file_sha256(used) != made.preprocess):
        raise InputError(f"{used} is not the one that was written", fix="restore it, or convert again")
    proven = used is not None and "originals.npz" in made.golden
    if used is None or request.preprocess is None:
        return used or request.preprocess, proven
    if _compared(request.preprocess) != _compared(used):
        raise InputError(
            f"{request.preprocess} is not the specification that the samples were made by",
            fix=f"leave --preprocess out: the bundle takes {used}",
        )
    return used, proven


def _compared(path: Path) -> tuple[Spec, list[str]]:
    """A specification, and instead of the places of its tokenizer's files what is in them."""
    spec = read_spec(path)
    if not isinstance(spec, TextSpec):
        return spec, []
    return msgspec.structs.replace(spec, tokenizer=()), [file_sha256(path.parent / name) for name in spec.tokenizer]
