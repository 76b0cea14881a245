"""A small bundle by hand: its manifest, and a folder with all that the manifest names."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeproof.converters.manifest import SourceRecord
from edgeproof.converters.needs.needs import Operator, RuntimeNeeds
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Dim
from edgeproof.validators.bundle.manifest import (
    DOCUMENT,
    FILE_NAME,
    BundledArtifact,
    BundledTensor,
    BundleManifest,
    GoldenCall,
    Labels,
    Platform,
    Preprocessing,
    TargetCheck,
    TargetParity,
)
from edgeproof.validators.bundle.packing import write_sums
from edgeproof.validators.parity import Check, Status

CONTENT = b"a LiteRT file, to all that does not open it"
SPEC = b'{"schema": 1, "kind": "image", "input": "image", "colours": "grey", "resize": {"size": [8, 8]}}\n'


def _parity(target: str, value: float, milliseconds: float | None) -> TargetParity:
    check = Check(quantity="rms/noise floor", value=value, limit=7.4, passed=True, would_pass=value)
    checks = (TargetCheck(output="scores", check=check),)
    return TargetParity(target=target, status=Status.PASS, checks=checks, calls=24, ms_per_call=milliseconds)


def small_manifest() -> BundleManifest:
    """One LiteRT artifact in integers, with a batch of 1 to 4, for phones and microcontrollers."""
    image = BundledTensor(
        name="image", dtype="int8", shape=("batch", 1, 8, 8), layout="nchw", colours="grey", range=(0.0, 1.0),
        scale=0.0039, zero_point=-128, quantize="q = ...", dequantize="real = ...",
    )  # fmt: skip
    scores = BundledTensor(name="scores", dtype="float32", shape=("batch", 3))
    needs = RuntimeNeeds(
        runtime="LiteRT", least="2.3.0", least_by="a table", arena_bytes=4096,
        operators=(Operator(name="CONV_2D", version=3, count=4), Operator(name="SOFTMAX", version=2, count=1)),
    )  # fmt: skip
    call = GoldenCall(
        sample=0,
        inputs={"image": "golden/inputs/0.image.bin"},
        outputs={"scores": "golden/net.litert.int8-full.tflite/0.scores.bin"},
        shapes={"image": (1, 1, 8, 8), "scores": (1, 3)},
        dtypes={"image": "float32", "scores": "float32"},
        tolerance={"scores": 0.01},
    )
    artifact = BundledArtifact(
        file="artifacts/net.litert.int8-full.tflite", format="litert", backend="xnnpack",
        precision=Precision.INT8_FULL, scheme="8 bits", sha256=hashlib.sha256(CONTENT).hexdigest(), bytes=len(CONTENT),
        platforms=(Platform.ANDROID, Platform.MICRO), inputs=(image,), outputs=(scores,), needs=needs,
        parity=(_parity("host", 0.4, 0.1), _parity("arm64:cortex-a76", 0.4, None)), golden=(call,), examples=(),
        dims=(Dim(name="batch", min=1, max=4),),
    )  # fmt: skip
    source = SourceRecord(
        name="net", framework="torch", kind="factory", file=None, factory="net.py:build", sha256="00" * 32,
        parameters=42, made_by={"torch": "2.13.0"},
    )  # fmt: skip
    return BundleManifest(
        name="net", version="1", license="MIT", edgeproof="0.1.0", source=source,
        platforms=(Platform.ANDROID, Platform.MICRO), samples_sha256="11" * 32, real_samples=True,
        preprocessing=Preprocessing(file="preprocess.json", proven=False),
        labels=Labels(file="labels.txt", output="scores", count=3), expected=("two",), artifacts=(artifact,),
    )  # fmt: skip


def with_artifact(manifest: BundleManifest, **changes: Any) -> BundleManifest:
    """The manifest with its artifact changed."""
    return replace(manifest, artifacts=(replace(manifest.artifacts[0], **changes), *manifest.artifacts[1:]))


def write_bundle(folder: Path, manifest: BundleManifest) -> Path:
    """Write a bundle's folder; it holds nothing that judges it."""
    texts = {
        "artifacts/net.litert.int8-full.tflite": CONTENT,
        "golden/inputs/0.image.bin": np.zeros(64, "<f4").tobytes(),
        "golden/net.litert.int8-full.tflite/0.scores.bin": np.array([0.1, 0.2, 0.7], "<f4").tobytes(),
        "labels.txt": b"none\none\ntwo\n",
        "preprocess.json": SPEC,
        FILE_NAME: DOCUMENT.encode(manifest),
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    write_sums(folder)
    return folder
