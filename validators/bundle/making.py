"""Makes a bundle of what `convert` wrote: chosen, described, replayed as it is shipped, packed in one step."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from ...converters import manifest as made_manifest
from ...converters.errors import ConversionError, InputError, UsageError
from ...converters.manifest import ArtifactRecord, Manifest, file_sha256
from ...converters.needs.needs import RuntimeNeeds
from ...converters.preprocessing.spec import FILE_NAME as SPEC
from ...converters.tensors import read_calls
from ...converters.versions import versions_of
from ...converters.writing import explained_write_errors
from ..golden import Golden, copied
from ..judging import HOST
from ..parity import ParityReport, ParityRow, Status
from ..pipeline import Listener, ignore_progress
from ..verification import Verification, first_report, verify
from . import replay
from .agreement import require_same_samples
from .artifacts import Shipped, describe, proven_by
from .card_text import HTML, MARKDOWN, card_html, card_markdown
from .contents import read_contents
from .examples.generating import examples_of, shared_files
from .golden import GoldenFiles
from .identity import LABELS, Identity, identified
from .manifest import DOCUMENT, FILE_NAME, BundledArtifact, BundleManifest, Labels, Platform, Preprocessing
from .needs import needs_of_all
from .packing import pack, write_sums
from .preprocessing import preprocessed_again
from .programs import bundled_programs
from .request import BundleRequest
from .sbom import FILE_NAME as SBOM
from .sbom import sbom_text
from .selecting import Chosen, Selection, select
from .shipping import Shipping
from .signatures import require_key, sign_folder
from .tensors import Known, Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A bundle that was made: its archive with SHA-256 and bytes, its manifest, and what was left out."""

    archive: Path
    sha256: str
    bytes: int
    manifest: BundleManifest
    left_out: tuple[str, ...] = ()
    signed: bool = False


def make_bundle(request: BundleRequest, *, on_progress: Listener = ignore_progress) -> Made:
    """Write the archive `request.output`, whole or not at all; the same folder and request give the same bytes.

    Every artifact runs on the host once more, as it is shipped. Raises InputError if the folder has nothing that may
    go in, or what is said of it contradicts it; ConversionError if a shipped file is not what was judged.
    """
    _require_place(request)
    if request.key is not None:
        require_key(request.key)
    made = made_manifest.read(request.folder)
    report = first_report(request.folder)
    if report is None:
        raise InputError(f"{request.folder} has no parity.json", fix="convert again without --no-verify")
    selection = select(made, report, request.folder, platforms=request.platforms, allow=request.allow)
    identity = identified(request, made)
    with tempfile.TemporaryDirectory(prefix="edgeproof-bundle-") as scratch:
        copied(request.folder, Path(scratch), made)  # raises for golden files that are not those that were written
        stage = Path(scratch) / "bundle"
        stage.mkdir()
        making = _Making(request, made, report, identity, stage)
        with explained_write_errors(stage):
            content = making.fill(selection, Path(scratch), on_progress)
        contents = read_contents(stage)
        require_same_samples(contents, Path(scratch) / "replay")
        preprocessed_again(contents)
        if request.key is not None:
            sign_folder(stage, request.key, name=identity.name)
        pack(stage, request.output)
    return Made(
        archive=request.output,
        sha256=file_sha256(request.output),
        bytes=request.output.stat().st_size,
        manifest=content,
        left_out=selection.left_out,
        signed=request.key is not None,
    )


def _require_place(request: BundleRequest) -> None:
    place = request.output
    if place.is_dir():
        raise UsageError(f"{place} is a folder", fix="name a file: -o NAME.zip")
    if place.exists() and not request.overwrite:
        raise UsageError(f"{place} exists", fix="add --overwrite, or choose another name with -o")
    if not place.absolute().parent.is_dir():
        raise UsageError(f"{place.parent} is no folder", fix="make it, or choose another name with -o")


class _Making:
    """One bundle's state; every method fills a part of the folder `stage`."""

    def __init__(
        self, request: BundleRequest, made: Manifest, report: ParityReport, identity: Identity, stage: Path
    ) -> None:
        self._request = request
        self._made = made
        self._report = report
        self._identity = identity
        self._stage = stage
        self._rows: dict[str, ParityRow] = {}
        self._programs: dict[str, str] = {}
        self._needs: dict[str, RuntimeNeeds] = {}
        self._golden = Golden(request.folder, real=report.real_calls, feedback=made.feedback)

    def fill(self, selection: Selection, scratch: Path, on_progress: Listener) -> BundleManifest:
        """Write every file but the signature; returns the manifest."""
        known = Known(framework=self._made.source.framework, spec=self._identity.spec, ranges=self._ranges())
        shipping = Shipping(
            folder=self._request.folder,
            stage=self._stage,
            identity=self._identity,
            source=self._made.source,
            known=known,
        )
        records = [shipping.ship(chosen.record) for chosen in selection.chosen]
        replay.store(self._stage, self._request.folder, self._made, self._report, records)
        self._rows = self._replayed(selection, scratch / "replay", on_progress)
        files = GoldenFiles(self._stage, self._golden)
        self._needs = needs_of_all(self._stage, records, self._request.limits, on_progress)
        self._programs = bundled_programs(files, records, self._request.limits, on_progress)
        described = [
            self._described(chosen, record, known, files)
            for chosen, record in zip(selection.chosen, records, strict=True)
        ]
        self._identity.write(self._stage)
        return self._write(self._manifest(described, files))

    def _described(self, chosen: Chosen, record: ArtifactRecord, known: Known, files: GoldenFiles) -> BundledArtifact:
        row = self._rows.get(record.file)
        shipped = Shipped(
            chosen=chosen,
            record=record,
            needs=replace(self._needs[record.file], proven=proven_by(chosen.rows)),
            golden=files.calls_of(record, chosen.rows),
            replayed={HOST: row} if row else {},
            bundled_program=self._programs.get(record.file),
        )
        return describe(shipped, self._stage / replay.ARTIFACTS / record.file, known)

    def _replayed(self, selection: Selection, place: Path, on_progress: Listener) -> dict[str, ParityRow]:
        """What the shipped files gave on the host, by name; ConversionError if one is no longer what was judged."""
        replay.assemble(self._stage, place)
        found = verify(Verification(place=place, limits=self._request.limits), on_progress=on_progress)
        rows = {row.file: row for row in found.report.results}
        for chosen in selection.chosen:
            row = rows[chosen.record.file]
            if row.status not in {Status.PASS, Status.NOT_RUN} and not chosen.allowed:
                raise ConversionError(
                    f"{row.file} passed when it was converted, and as it is shipped it is {row.status}: {row.reason}",
                    fix="convert again and bundle again; if it stays so, report it",
                )
        return rows

    def _ranges(self) -> dict[str, Range]:
        """The lowest and highest value of every tensor over the real samples, or over the example without any."""
        found: dict[str, Range] = {}
        for path in (self._golden.calls, self._golden.reference):
            for call in islice(read_calls(path), max(self._golden.real, 1)):
                for name, array in call.items():
                    low, high = found.get(name, (math.inf, -math.inf))
                    finite = array[np.isfinite(array)]
                    if finite.size:
                        found[name] = (min(low, float(finite.min())), max(high, float(finite.max())))
        return found

    def _manifest(self, described: Sequence[BundledArtifact], files: GoldenFiles) -> BundleManifest:
        identity = self._identity
        labels = identity.labels
        reference = files.shown(self._golden.reference)
        return BundleManifest(
            name=identity.name,
            version=identity.version,
            license=identity.license,
            edgeproof=versions_of("edgeproof").get("edgeproof", "unknown"),
            source=self._made.source,
            platforms=tuple(each for each in Platform if any(each in one.platforms for one in described)),
            samples_sha256=self._report.samples_sha256,
            real_samples=self._report.real_samples,
            calibration_sha256=self._made.calibration_sha256,
            preprocessing=Preprocessing(file=SPEC, proven=identity.proven) if identity.spec else None,
            labels=Labels(file=LABELS, output=labels.output, count=len(labels.names)) if labels else None,
            originals=files.originals(),
            expected=labels.expected(reference) if labels else (),
            artifacts=tuple(described),
        )

    def _write(self, content: BundleManifest) -> BundleManifest:
        """Write the examples, the card, the bill of materials, the manifest and the checksums."""
        spec = self._identity.spec
        texts: dict[str, bytes] = dict(shared_files(content, spec))
        artifacts: list[BundledArtifact] = []
        for artifact in content.artifacts:
            examples = examples_of(content, artifact, spec)
            texts.update(examples)
            artifacts.append(replace(artifact, examples=tuple(sorted(examples))))
        content = replace(content, artifacts=tuple(artifacts))
        texts[MARKDOWN] = card_markdown(content).encode()
        texts[HTML] = card_html(content).encode()
        texts[SBOM] = sbom_text(content).encode()
        texts[FILE_NAME] = DOCUMENT.encode(content)
        for name, text in texts.items():
            (self._stage / name).parent.mkdir(parents=True, exist_ok=True)
            (self._stage / name).write_bytes(text)
        write_sums(self._stage)
        return content
