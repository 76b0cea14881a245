"""Unpacked bundles written by hand: artifacts, golden files and examples, as `edgeproof bundle` lays them out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeproof.converters.manifest import SourceRecord
from edgeproof.converters.precision import Precision
from edgeproof.converters.preprocessing import spec as spec_file
from edgeproof.converters.preprocessing.spec import Spec
from edgeproof.validators.bundle.examples.generating import examples_of, shared_files
from edgeproof.validators.bundle.manifest import (
    DOCUMENT,
    FILE_NAME,
    BundledArtifact,
    BundledTensor,
    BundleManifest,
    GoldenCall,
    Labels,
    Original,
    Platform,
    Preprocessing,
    RuntimeNeeds,
)

Array = npt.NDArray[np.generic]
Calls = Sequence[tuple[Mapping[str, Array], Mapping[str, Array]]]
_SOURCE = SourceRecord(
    name="net",
    framework="torch",
    kind="state_dict",
    file="net.safetensors",
    factory=None,
    sha256="0" * 64,
    parameters=1,
    made_by={},
)


@dataclass(frozen=True, kw_only=True)
class Item:
    """An artifact with what it takes and gives; `tensors` overrides what follows from the calls (scales, layouts)."""

    file: Path
    name: str
    format: str
    calls: Calls
    tolerance: float = 1e-5
    tensors: Mapping[str, BundledTensor] = field(default_factory=dict[str, BundledTensor])
    platforms: tuple[Platform, ...] = (Platform.ANDROID, Platform.IOS, Platform.LINUX_ARM64)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What a bundle may have beside its artifacts; `originals` are by sample."""

    labels: tuple[str, Sequence[str]] | None = None
    spec: Spec | None = None
    originals: Sequence[Array] = ()


def write_bundle(folder: Path, items: Sequence[Item], extras: Extras | None = None) -> BundleManifest:
    """Write everything but verdicts and checksums, and return what manifest.json says."""
    extras = extras or Extras()
    artifacts = tuple(_artifact(folder, item) for item in items)
    manifest = BundleManifest(
        name="net",
        version="1",
        edgeproof="0",
        source=_SOURCE,
        platforms=tuple(Platform),
        samples_sha256="0" * 64,
        real_samples=True,
        preprocessing=None if extras.spec is None else Preprocessing(file=spec_file.FILE_NAME, proven=True),
        labels=_labels(folder, extras),
        originals=tuple(_original(folder, number, array) for number, array in enumerate(extras.originals)),
        artifacts=artifacts,
    )
    if extras.spec is not None:
        (folder / spec_file.FILE_NAME).write_bytes(spec_file.DOCUMENT.encode(extras.spec))
    examples = [examples_of(manifest, artifact, extras.spec) for artifact in artifacts]
    texts = [shared_files(manifest, extras.spec), *examples]
    named = [replace(one, examples=tuple(sorted(its))) for one, its in zip(artifacts, examples, strict=True)]
    manifest = replace(manifest, artifacts=tuple(named))
    for name, content in (
        {FILE_NAME: DOCUMENT.encode(manifest)} | {k: v for part in texts for k, v in part.items()}
    ).items():
        _write(folder, name, content)
    return manifest


def _write(folder: Path, name: str, content: bytes) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return name


def _labels(folder: Path, extras: Extras) -> Labels | None:
    if extras.labels is None:
        return None
    output, names = extras.labels
    file = _write(folder, "labels.txt", "".join(f"{name}\n" for name in names).encode())
    return Labels(file=file, output=output, count=len(names))


def _original(folder: Path, number: int, array: Array) -> Original:
    kind = "pixels" if array.ndim == 3 else "pcm"
    return Original(
        sample=number,
        file=_write(folder, f"golden/originals/{number}.raw", array.tobytes()),
        kind=kind,
        shape=array.shape,
    )


def _artifact(folder: Path, item: Item) -> BundledArtifact:
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(item.file, folder / "artifacts" / item.name)
    inputs, outputs = item.calls[0]
    return BundledArtifact(
        file=item.name,
        format=item.format,
        backend="",
        precision=Precision.FP32,
        scheme="",
        sha256="0" * 64,
        bytes=1,
        platforms=item.platforms,
        inputs=tuple(_tensor(item, name, array) for name, array in inputs.items()),
        outputs=tuple(_tensor(item, name, array) for name, array in outputs.items()),
        needs=RuntimeNeeds(runtime=item.format, least="1", least_by="the format"),
        parity=(),
        golden=tuple(_call(folder, item, number) for number in range(len(item.calls))),
        examples=(),
        notes=item.notes,
    )


def _tensor(item: Item, name: str, array: Array) -> BundledTensor:
    return item.tensors.get(name) or BundledTensor(name=name, dtype=array.dtype.name, shape=array.shape)


def _call(folder: Path, item: Item, number: int) -> GoldenCall:
    inputs, outputs = item.calls[number]
    arrays = {**inputs, **outputs}
    files = {
        name: _write(folder, f"golden/{item.name}/{number}.{name}.bin", np.ascontiguousarray(array).tobytes())
        for name, array in arrays.items()
    }
    return GoldenCall(
        sample=number,
        inputs={name: files[name] for name in inputs},
        outputs={name: files[name] for name in outputs},
        shapes={name: array.shape for name, array in arrays.items()},
        dtypes={name: array.dtype.name for name, array in arrays.items()},
        tolerance=dict.fromkeys(outputs, item.tolerance),
    )
