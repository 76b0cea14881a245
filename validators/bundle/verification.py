"""Verifies a bundle on any machine, without the source or its framework: bytes, signature, contents, then every run."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ...converters.documents import Document
from ...converters.manifest import file_sha256
from ...converters.worker.pool import Limits
from ...converters.writing import explained_write_errors
from ..parity import ParityReport, exit_code, gravest
from ..pipeline import Listener, ignore_progress
from ..verification import Verification, verify
from . import replay
from .agreement import require_same_samples
from .contents import read_contents
from .packing import SIGNATURE
from .preprocessing import Preprocessed, preprocessed_again
from .signatures import verify_folder
from .unpacking import unpack

SCHEMA = 1
_NOT_RUN = 4


class Signed(StrEnum):
    """What is known of who made a bundle."""

    VERIFIED = "verified"
    NOT_CHECKED = "not checked"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleVerification:
    """Verify the bundle `archive` on `targets`; `key` is the public key that must have signed it."""

    archive: Path
    targets: tuple[str, ...] = ("host",)
    key: Path | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleVerdict:
    """What came of it; `preprocessing` is there where the bundle has a specification that made its samples."""

    schema: int = SCHEMA
    name: str
    version: str
    sha256: str
    files: int
    signature: Signed
    preprocessing: Preprocessed | None
    report: ParityReport

    @property
    def exit_code(self) -> int:
        """By the contract's table; preprocessing that could not be repeated was not run."""
        missed = self.preprocessing is not None and bool(self.preprocessing.not_run)
        return gravest({exit_code(self.report), _NOT_RUN} if missed else {exit_code(self.report)})


DOCUMENT = Document(
    content=BundleVerdict, title="bundle verdict", schema=SCHEMA, fix="verify again with `edgeproof bundle verify`"
)


def verify_bundle(request: BundleVerification, *, on_progress: Listener = ignore_progress) -> BundleVerdict:
    """Unpack, check and replay a bundle; nothing of it stays.

    Raises UnsafeInput for bytes, names or a signature that are not those of a bundle, InputError for contents that
    contradict each other; what artifacts do on the targets are rows of the verdict's report.
    """
    with tempfile.TemporaryDirectory(prefix="edgeproof-bundle-") as scratch:
        folder = Path(scratch) / "bundle"
        folder.mkdir()
        unpack(request.archive, folder)
        if request.key is not None:
            verify_folder(folder, request.key)
        contents = read_contents(folder)
        place = Path(scratch) / "replay"
        with explained_write_errors(place):
            replay.assemble(folder, place)
        require_same_samples(contents, place)
        preprocessing = preprocessed_again(contents)
        found = verify(
            Verification(place=place, targets=request.targets, limits=request.limits), on_progress=on_progress
        )
        signed = Signed.NOT_CHECKED if (folder / SIGNATURE).exists() else Signed.NONE
        return BundleVerdict(
            name=contents.manifest.name,
            version=contents.manifest.version,
            sha256=file_sha256(request.archive),
            files=sum(1 for path in folder.rglob("*") if path.is_file()),
            signature=Signed.VERIFIED if request.key is not None else signed,
            preprocessing=preprocessing,
            report=found.report,
        )
