"""Holds what judges a bundle's artifacts against what its manifest shows: the same files, samples and answers."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from ...converters.errors import InputError
from ...converters.layouts import to_artifact
from ...converters.manifest import ArtifactRecord
from ...converters.manifest import read as read_made
from ...converters.tensors import Call, read_calls
from ..golden import FOLDER as STORED
from .contents import BundleContents, read_golden
from .manifest import BundledArtifact, GoldenCall


def require_same_samples(contents: BundleContents, place: Path) -> None:
    """Raise InputError unless `place`, where the artifacts are judged, has what the manifest shows.

    That are the same artifacts and samples; and what is expected of an artifact that passed lies within its tolerance
    of what the source gave.
    """
    records = {record.file: record for record in read_made(place).artifacts}
    shown = {Path(artifact.file).name: artifact for artifact in contents.manifest.artifacts}
    if records.keys() != shown.keys() or any(records[name].sha256 != shown[name].sha256 for name in shown):
        raise _contradiction("other artifacts than manifest.json names")
    for name, record in records.items():
        _require_same_calls(contents, shown[name], record, place / STORED)


def _require_same_calls(contents: BundleContents, shown: BundledArtifact, record: ArtifactRecord, stored: Path) -> None:
    count = len(shown.golden)
    samples = islice(read_calls(stored / "samples.npz"), count)
    given = islice(read_calls(stored / "reference.npz"), count)
    for call, sample, reference in zip(shown.golden, samples, given, strict=True):
        if not _has_inputs(contents, call, to_artifact(sample, record.layouts)):
            raise _contradiction(f"another sample {call.sample} than {record.file} has in golden/")
        if not shown.allowed and not _expects(contents, call, to_artifact(reference, record.layouts)):
            raise _contradiction(f"other answers to sample {call.sample} than are expected of {record.file}")


def _has_inputs(contents: BundleContents, call: GoldenCall, sample: Call) -> bool:
    if call.inputs.keys() != sample.keys():
        return False
    pairs = ((read_golden(contents.folder, call, name), array) for name, array in sample.items())
    return all((a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()) for a, b in pairs)


def _expects(contents: BundleContents, call: GoldenCall, reference: Call) -> bool:
    for name, array in reference.items():
        expected = read_golden(contents.folder, call, name)
        if expected.shape != array.shape:
            return False
        off = np.abs(expected.astype(np.float64) - array.astype(np.float64))
        if expected.dtype.kind == "f" and not np.all(off <= call.tolerance.get(name, 0.0)):
            return False
    return True


def _contradiction(what: str) -> InputError:
    return InputError(f"verification/ holds {what}", fix="make the bundle again with `edgeproof bundle`")
