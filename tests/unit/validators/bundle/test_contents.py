"""A bundle that contradicts itself is refused, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bundle_parts import small_manifest, with_artifact, write_bundle

from edgeproof.converters.errors import InputError
from edgeproof.converters.preprocessing.spec import ImageSpec
from edgeproof.validators.bundle.contents import read_contents
from edgeproof.validators.bundle.manifest import BundleManifest, Labels

MANIFEST = small_manifest()
CALL = MANIFEST.artifacts[0].golden[0]
SCORES = "golden/net.litert.int8-full.tflite/0.scores.bin"


def test_a_bundle_is_read_with_what_it_says(tmp_path: Path):
    found = read_contents(write_bundle(tmp_path, MANIFEST))
    assert found.manifest == MANIFEST
    assert found.labels == ("none", "one", "two")
    assert isinstance(found.spec, ImageSpec)


CHANGED_FILES: dict[str, tuple[str, bytes, str]] = {
    "a label too many": ("labels.txt", b"none\none\ntwo\nthree\n", "4 labels"),
    "an artifact of other bytes": ("artifacts/net.litert.int8-full.tflite", b"other", "not the file"),
    "a golden value that is NaN": (SCORES, np.array([0, np.nan, 1], "<f4").tobytes(), "NaN"),
    "a golden file that is too short": (SCORES, b"1234", "4 bytes"),
    "a specification for another input": (
        "preprocess.json",
        b'{"schema": 1, "kind": "image", "input": "picture", "colours": "grey", "resize": {"size": [8, 8]}}',
        "picture",
    ),
    "a specification of another size": (
        "preprocess.json",
        b'{"schema": 1, "kind": "image", "input": "image", "colours": "grey", "resize": {"size": [9, 9]}}',
        "9",
    ),
    "another schema version": ("manifest.json", b'{"schema": 99}', "schema 99"),
    "a manifest that is none": ("manifest.json", b"[]", "manifest"),
}


@pytest.mark.parametrize("planted", CHANGED_FILES)
def test_a_file_that_contradicts_the_manifest_is_refused(tmp_path: Path, planted: str):
    name, content, said = CHANGED_FILES[planted]
    write_bundle(tmp_path, MANIFEST)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said) as refused:
        read_contents(tmp_path)
    assert refused.value.fix


CHANGED_MANIFESTS: dict[str, Callable[[], BundleManifest]] = {
    "a file outside": lambda: with_artifact(MANIFEST, bundled_program="../../etc/passwd"),
    "a file that is not there": lambda: with_artifact(MANIFEST, examples=("examples/python/net.py",)),
    "labels of an output that is not there": lambda: replace(
        MANIFEST, labels=Labels(file="labels.txt", output="boxes", count=3)
    ),
    "golden files of other outputs": lambda: with_artifact(
        MANIFEST, golden=(replace(CALL, outputs={"boxes": SCORES}, shapes={**CALL.shapes, "boxes": (1, 3)},
                                  dtypes={**CALL.dtypes, "boxes": "float32"}),),
    ),
    "a dtype that is none": lambda: with_artifact(MANIFEST, golden=(replace(CALL, dtypes={"image": "float31"}),)),
}  # fmt: skip


@pytest.mark.parametrize("planted", CHANGED_MANIFESTS)
def test_a_manifest_that_contradicts_the_files_is_refused(tmp_path: Path, planted: str):
    with pytest.raises(InputError) as refused:
        read_contents(write_bundle(tmp_path, CHANGED_MANIFESTS[planted]()))
    assert refused.value.fix
