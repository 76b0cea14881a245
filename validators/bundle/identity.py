"""What whoever makes a bundle says about it, held against the model: name, version, licence, labels, preprocessing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ...converters.errors import InputError, UsageError
from ...converters.manifest import Manifest
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
    licence_file = Path(request.license) if request.license and Path(request.license).is_file() else None
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


def _spec_file(request: BundleRequest, made: Manifest) -> tuple[Path | None, bool]:
    """Where the specification lies, and whether convert used it; InputError if another one is given."""
    used = request.folder / SPEC if made.preprocess else None
    if used is None or request.preprocess is None:
        return used or request.preprocess, used is not None
    if read_spec(request.preprocess) != read_spec(used):
        raise InputError(
            f"{request.preprocess} is not the specification that the samples were made by",
            fix=f"leave --preprocess out: the bundle takes {used}",
        )
    return used, True
