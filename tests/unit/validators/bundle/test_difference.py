"""What changed between two bundles: ten changes that break an app, ten that do not, each told as what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bundle_parts import small_manifest, with_artifact

from edgeproof.converters.needs.needs import Operator
from edgeproof.converters.preprocessing.spec import Colours, ImageSpec, Resize, TextSpec
from edgeproof.converters.signature import Dim
from edgeproof.validators.bundle.changes import Change, Topic
from edgeproof.validators.bundle.contents import BundleContents
from edgeproof.validators.bundle.difference import difference
from edgeproof.validators.bundle.manifest import BundleManifest, Labels, Loading, Platform
from edgeproof.validators.parity import Status

OLD = small_manifest()
ARTIFACT = OLD.artifacts[0]
IMAGE, SCORES = ARTIFACT.inputs[0], ARTIFACT.outputs[0]
SPEC = ImageSpec(input="image", colours=Colours.GREY, resize=Resize(size=(8, 8)))
LABELS = ("none", "one", "two")
Make = Callable[[], tuple[BundleManifest, dict[str, Any]]]


def _with(**changes: Any) -> tuple[BundleManifest, dict[str, Any]]:
    return with_artifact(OLD, **changes), {}


def _needs(**changes: Any) -> tuple[BundleManifest, dict[str, Any]]:
    return _with(needs=replace(ARTIFACT.needs, **changes))


def _parity(place: int, **changes: Any) -> tuple[BundleManifest, dict[str, Any]]:
    rows = list(ARTIFACT.parity)
    rows[place] = replace(rows[place], **changes)
    return _with(parity=tuple(rows))


def _smaller() -> tuple[BundleManifest, dict[str, Any]]:
    checks = ARTIFACT.parity[0].checks
    better = tuple(replace(each, check=replace(each.check, value=0.1)) for each in checks)
    return _parity(0, checks=better)


_SOFTMAX = ARTIFACT.needs.operators[1]
BREAKING: dict[str, tuple[Topic, Make]] = {
    "an input has another name": (Topic.SIGNATURE, lambda: _with(inputs=(replace(IMAGE, name="picture"),))),
    "an input has another dtype": (Topic.SIGNATURE, lambda: _with(inputs=(replace(IMAGE, dtype="uint8"),))),
    "an input has another layout": (Topic.SIGNATURE, lambda: _with(inputs=(replace(IMAGE, layout="nhwc"),))),
    "the batch may be smaller only": (Topic.SIGNATURE, lambda: _with(dims=(Dim(name="batch", min=1, max=2),))),
    "there are more classes": (Topic.SIGNATURE, lambda: _with(outputs=(replace(SCORES, shape=("batch", 4)),))),
    "an output varies by itself": (
        Topic.SIGNATURE,
        lambda: _with(
            outputs=(replace(SCORES, shape=("batch", "found")),),
            dims=(Dim(name="batch", min=1, max=4), Dim(name="found", min=1, max=9)),
        ),
    ),
    "the zero point moved": (Topic.QUANTISATION, lambda: _with(inputs=(replace(IMAGE, zero_point=0),))),
    "images are made otherwise": (
        Topic.PREPROCESSING,
        lambda: (OLD, {"spec": ImageSpec(input="image", colours=Colours.GREY, resize=Resize(size=(8, 8)), std=(0.5,))}),
    ),
    "labels are in another order": (Topic.LABELS, lambda: (OLD, {"labels": ("one", "none", "two")})),
    "an operator is new": (
        Topic.OPERATORS,
        lambda: _needs(operators=(*ARTIFACT.needs.operators, Operator(name="TANH", version=1, count=1))),
    ),
    "a newer runtime is needed": (Topic.RUNTIME, lambda: _needs(least="2.10.0")),
    "the artifact is gone": (Topic.ARTIFACT, lambda: (replace(OLD, artifacts=()), {})),
    "it failed on Arm": (Topic.PARITY, lambda: _parity(1, status=Status.FAIL)),
    "it is no longer for phones": (Topic.ARTIFACT, lambda: _with(platforms=(Platform.MICRO,))),
    "an operator has a newer version": (
        Topic.OPERATORS,
        lambda: _needs(operators=(ARTIFACT.needs.operators[0], replace(_SOFTMAX, version=3))),
    ),
    "an arena of fixed size is too small": (Topic.SIZE, lambda: _needs(arena_bytes=8192)),
    "it is a program now": (Topic.ARTIFACT, lambda: _with(loading=Loading.PROGRAM)),
}
HARMLESS: dict[str, tuple[Topic | None, Make]] = {
    "other weights": (Topic.WEIGHTS, lambda: _with(sha256="ab" * 32)),
    "a larger file": (Topic.SIZE, lambda: _with(bytes=99)),
    "a slower call": (Topic.LATENCY, lambda: _parity(0, ms_per_call=0.2)),
    "a smaller difference": (Topic.PARITY, _smaller),
    "an operator less": (Topic.OPERATORS, lambda: _needs(operators=ARTIFACT.needs.operators[:1])),
    "an older runtime will do": (Topic.RUNTIME, lambda: _needs(least="2.0.0")),
    "another artifact": (
        Topic.ARTIFACT,
        lambda: (replace(OLD, artifacts=(ARTIFACT, replace(ARTIFACT, format="onnx"))), {}),
    ),
    "a larger batch": (Topic.SIGNATURE, lambda: _with(dims=(Dim(name="batch", min=1, max=16),))),
    "a smaller arena": (Topic.SIZE, lambda: _needs(arena_bytes=1024)),
    "another licence": (Topic.LICENCE, lambda: (replace(OLD, license="Apache-2.0"), {})),
    "not judged on Arm this time": (Topic.PARITY, lambda: _with(parity=ARTIFACT.parity[:1])),
    "for another platform too": (Topic.ARTIFACT, lambda: _with(platforms=(*ARTIFACT.platforms, Platform.IOS))),
    "another version, name and edgeproof": (None, lambda: (replace(OLD, version="2", name="n", edgeproof="9"), {})),
    "an operator is called more often": (
        None,
        lambda: _needs(operators=(ARTIFACT.needs.operators[0], replace(_SOFTMAX, count=7))),
    ),
    "a hundredth slower": (None, lambda: _parity(0, ms_per_call=0.101)),
}


def _contents(tmp_path: Path, manifest: BundleManifest, **parts: Any) -> BundleContents:
    return BundleContents(folder=tmp_path, manifest=manifest, **{"spec": SPEC, "labels": LABELS, **parts})


def _changes(tmp_path: Path, make: Make) -> tuple[Change, ...]:
    manifest, parts = make()
    return difference(_contents(tmp_path, OLD), _contents(tmp_path, manifest, **parts)).changes


@pytest.mark.parametrize("planted", BREAKING)
def test_a_change_that_breaks_an_app_is_called_breaking(tmp_path: Path, planted: str):
    topic, make = BREAKING[planted]
    found = _changes(tmp_path, make)
    assert any(change.topic is topic and change.breaking for change in found), found
    assert found[0].breaking, "the breaking changes come first"


@pytest.mark.parametrize("planted", HARMLESS)
def test_a_harmless_change_is_told_and_not_called_breaking(tmp_path: Path, planted: str):
    topic, make = HARMLESS[planted]
    found = _changes(tmp_path, make)
    assert not any(change.breaking for change in found), found
    assert {change.topic for change in found} == (set() if topic is None else {topic})


def test_a_bundle_is_no_other_than_itself(tmp_path: Path):
    assert _changes(tmp_path, lambda: (OLD, {})) == ()


def test_another_tokenizer_under_the_same_name_breaks_an_app(tmp_path: Path):
    spec = TextSpec(ids="ids", tokenizer=("tokenizer/tokenizer.json",), length=8)
    sides: list[BundleContents] = []
    for side, text in (("old", "{}"), ("new", '{"model": 1}')):
        (tmp_path / side / "tokenizer").mkdir(parents=True)
        (tmp_path / side / "tokenizer" / "tokenizer.json").write_text(text)
        sides.append(BundleContents(folder=tmp_path / side, manifest=OLD, spec=spec, labels=LABELS))
    (change,) = difference(*sides).changes
    assert (change.topic, change.breaking) == (Topic.PREPROCESSING, True)


def test_the_same_labels_of_another_output_break_an_app(tmp_path: Path):
    moved = replace(OLD, labels=Labels(file="labels.txt", output="boxes", count=3))
    (change,) = _changes(tmp_path, lambda: (moved, {}))
    assert (change.topic, change.breaking) == (Topic.LABELS, True)


@pytest.mark.parametrize(
    ("before", "after", "breaking"),
    [("1.17", "1.17.0", None), ("unknown", "1.17", None), ("1.9", "1.10", True), ("1.17", "unknown", True)],
)
def test_versions_are_numbers(tmp_path: Path, before: str, after: str, breaking: bool | None):
    old, new = (_needs(least=least)[0] for least in (before, after))
    found = difference(_contents(tmp_path, old), _contents(tmp_path, new)).changes
    assert [change.breaking for change in found] == ([] if breaking is None else [breaking])
