"""What changed from one bundle to the next for an app that uses it, and which of it breaks the app."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ...converters.documents import Document
from ...converters.manifest import file_sha256
from ...converters.preprocessing.kinds import TextSpec
from .artifact_changes import changes_of
from .changes import Change, Topic
from .contents import BundleContents

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleDiff:
    """All changes between two bundles, the breaking ones first."""

    schema: int = SCHEMA
    old: str
    new: str
    changes: tuple[Change, ...]

    @property
    def breaks(self) -> bool:
        """Whether any of them is breaking."""
        return any(change.breaking for change in self.changes)


DOCUMENT = Document(
    content=BundleDiff, title="bundle diff", schema=SCHEMA, fix="compare again with `edgeproof bundle diff`"
)


def difference(old: BundleContents, new: BundleContents) -> BundleDiff:
    """What an app team must know before it replaces one bundle by the other."""
    changes = sorted((*_of_bundles(old, new), *_of_artifacts(old, new)), key=lambda change: not change.breaking)
    names = (f"{each.manifest.name} {each.manifest.version}" for each in (old, new))
    return BundleDiff(old=next(names), new=next(names), changes=tuple(changes))


def _of_bundles(old: BundleContents, new: BundleContents) -> Iterator[Change]:
    if old.spec != new.spec:
        yield from _of_specs(msgspec.to_builtins(old.spec) or {}, msgspec.to_builtins(new.spec) or {})
    yield from _of_tokenizers(old, new)
    if old.labels != new.labels or _labelled(old) != _labelled(new):
        grown = _labelled(old) == _labelled(new) and old.labels == new.labels[: len(old.labels)] and bool(old.labels)
        first_time = not old.labels and bool(new.labels)
        what = "labels were added" if grown or first_time else "labels are other ones, or in another order"
        yield Change(
            topic=Topic.LABELS, breaking=not first_time, what=what, old=_listed(old.labels), new=_listed(new.labels)
        )
    if old.manifest.license != new.manifest.license:
        yield Change(
            topic=Topic.LICENCE, breaking=False, what="another licence: have it looked at",
            old=old.manifest.license or "none", new=new.manifest.license or "none",
        )  # fmt: skip


def _of_specs(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """Every field that is another one; a specification where there was none tells what was so before, too."""
    if not old:
        yield Change(topic=Topic.PREPROCESSING, breaking=False, what="it is stated now how inputs are made")
        return
    for name in sorted(old.keys() | new.keys()):
        before, after = (json.dumps(spec.get(name)) for spec in (old, new))
        if before != after:
            what = f"inputs are made otherwise: {name}"
            yield Change(topic=Topic.PREPROCESSING, breaking=True, what=what, old=before, new=after)


def _of_tokenizers(old: BundleContents, new: BundleContents) -> Iterator[Change]:
    """Files of the same names with other contents: other numbers for the same text."""
    if not isinstance(old.spec, TextSpec) or not isinstance(new.spec, TextSpec):
        return
    for name in old.spec.tokenizer:
        if name in new.spec.tokenizer and file_sha256(old.folder / name) != file_sha256(new.folder / name):
            yield Change(topic=Topic.PREPROCESSING, breaking=True, what=f"{name} is another one")


def _labelled(contents: BundleContents) -> str | None:
    labels = contents.manifest.labels
    return labels.output if labels else None


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "none"


def _of_artifacts(old: BundleContents, new: BundleContents) -> Iterator[Change]:
    """Artifacts are matched by format, backend and precision, which is what an app chose one by."""
    before = {(each.format, each.backend, each.precision): each for each in old.manifest.artifacts}
    after = {(each.format, each.backend, each.precision): each for each in new.manifest.artifacts}
    for key, artifact in before.items():
        if key not in after:
            yield Change(topic=Topic.ARTIFACT, breaking=True, what="is no longer there", artifact=artifact.file)
        else:
            yield from changes_of(artifact, after[key])
    for key, artifact in after.items():
        if key not in before:
            yield Change(topic=Topic.ARTIFACT, breaking=False, what="is new", artifact=artifact.file)
