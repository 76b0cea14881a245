"""Names an artifact's inputs and outputs after the manifest.json beside it, where its file stores no names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from .. import manifest
from ..errors import InputError
from ..manifest import ArtifactRecord
from ..signature import TensorSpec
from .findings import Inspection, TensorFacts

Facts = tuple[TensorFacts, ...]


def with_manifest_names(found: Inspection) -> Inspection:
    """The inspection with the manifest's names if the file lacks some, and notes that say where they come from.

    Only a manifest that lists this file with this SHA-256 counts. What lacks names is called by position, so that the
    manifest's also stand in for those that a tracer made up; the note keeps these.
    """
    contents = found.contents
    if not _lacks_names(contents.inputs) and not _lacks_names(contents.outputs):
        return found
    record = _record_of(found)
    known = (record, record) if isinstance(record, str) else (record.inputs, record.outputs)
    inputs, about_inputs = _named(contents.inputs, known[0])
    outputs, about_outputs = _named(contents.outputs, known[1])
    notes = (*contents.notes, *_notes(about_inputs, about_outputs))
    return replace(found, contents=replace(contents, inputs=inputs, outputs=outputs, notes=notes))


def _lacks_names(facts: Facts) -> bool:
    return any(fact.name is None for fact in facts)


def _record_of(found: Inspection) -> ArtifactRecord | str:
    """What the manifest says about the file, or in words why it says nothing."""
    path = Path(found.file)
    if not (path.parent / manifest.FILE_NAME).is_file():
        return f"no {manifest.FILE_NAME} lies beside it"
    try:
        records = manifest.read(path.parent).artifacts
    except InputError as error:
        return error.message
    record = next((record for record in records if record.file == path.name), None)
    if record is None:
        return f"{manifest.FILE_NAME} does not list it"
    if record.sha256 != found.sha256:
        return f"{manifest.FILE_NAME} lists it with another SHA-256"
    return record


def _named(facts: Facts, specs: tuple[TensorSpec, ...] | str) -> tuple[Facts, str | None]:
    """The facts with the specs' names, or as they are, and a note where there is something to say."""
    if isinstance(specs, str):
        return facts, _by_position(facts, specs)
    if len(specs) != len(facts):
        return facts, _by_position(facts, f"{manifest.FILE_NAME} lists {len(specs)}, not {len(facts)}")
    named = tuple(replace(fact, name=spec.name) for fact, spec in zip(facts, specs, strict=True))
    if named == facts:
        return facts, None
    own = ", ".join(fact.name for fact in facts if fact.name is not None)
    return named, f"names from {manifest.FILE_NAME}" + (f", in the file {own}" if own else "")


def _by_position(facts: Facts, reason: str) -> str | None:
    if not _lacks_names(facts):
        return None
    return f"counted from 0, since the file stores no names and {reason}"


def _notes(about_inputs: str | None, about_outputs: str | None) -> Iterator[str]:
    if about_inputs and about_inputs == about_outputs:
        yield f"inputs and outputs: {about_inputs}"
        return
    if about_inputs:
        yield f"inputs: {about_inputs}"
    if about_outputs:
        yield f"outputs: {about_outputs}"
