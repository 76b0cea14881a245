"""What a bundle's folder says, read and held against itself: manifest, preprocessing, labels, golden files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from ...converters.errors import InputError
from ...converters.manifest import file_sha256
from ...converters.preprocessing.fitting import check_spec
from ...converters.preprocessing.kinds import Spec
from ...converters.preprocessing.spec import read_spec
from ...converters.signature import Signature, TensorSpec
from .manifest import DOCUMENT, FILE_NAME, BundledArtifact, BundledTensor, BundleManifest, GoldenCall

_AGAIN = "make the bundle again with `edgeproof bundle`"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleContents:
    """A bundle as it was read from `folder`; `spec` and `labels` are None and empty where it has none."""

    folder: Path
    manifest: BundleManifest
    spec: Spec | None = None
    labels: tuple[str, ...] = ()


def read_contents(folder: Path) -> BundleContents:
    """The contents of an unpacked bundle.

    Raises InputError for another schema version, a file that the manifest names and that is not there, an artifact that
    is not the one it names, labels that do not fit, preprocessing that contradicts a signature, and golden values that
    are NaN or not as many as stated.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise InputError(f"the bundle has no {FILE_NAME}", fix=_AGAIN)
    manifest = DOCUMENT.decode(path.read_bytes(), name=FILE_NAME)
    for name in _named_files(manifest):
        if not _inside(folder, name):
            raise InputError(f"{FILE_NAME} names {name!r}, which is not in the bundle", fix=_AGAIN)
    for artifact in manifest.artifacts:
        if file_sha256(folder / artifact.file) != artifact.sha256:
            raise InputError(f"{artifact.file} is not the file that {FILE_NAME} names", fix=_AGAIN)
        for call in artifact.golden:
            _check_golden(folder, artifact, call)
    labels = _labels(folder, manifest)
    return BundleContents(folder=folder, manifest=manifest, spec=_spec(folder, manifest), labels=labels)


def _named_files(manifest: BundleManifest) -> Iterator[str]:
    for artifact in manifest.artifacts:
        yield artifact.file
        yield from artifact.examples
        yield from (name for name in (artifact.bundled_program, artifact.needs.reduced_build) if name)
        for call in artifact.golden:
            yield from call.inputs.values()
            yield from call.outputs.values()
    yield from (original.file for original in manifest.originals)
    yield from (part.file for part in (manifest.labels, manifest.preprocessing) if part is not None)


def _inside(folder: Path, name: str) -> bool:
    path = (folder / name).resolve()
    return path.is_relative_to(folder.resolve()) and path.is_file()


def read_golden(folder: Path, call: GoldenCall, name: str) -> np.ndarray:
    """One tensor of a golden call; InputError if its file does not hold as many values as are stated."""
    file = (call.outputs | call.inputs).get(name)
    if file is None:
        raise InputError(f"sample {call.sample} has no {name!r} in golden/", fix=_AGAIN)
    shape, dtype = call.shapes.get(name), call.dtypes.get(name, "")
    content = (folder / file).read_bytes()
    try:
        width = np.dtype(dtype).newbyteorder("<")
    except TypeError as error:
        raise InputError(f"{file} has the dtype {dtype!r}, which is none", fix=_AGAIN) from error
    if (
        width.kind not in "biuf"
        or shape is None
        or min(shape, default=0) < 0
        or len(content) != prod(shape) * width.itemsize
    ):
        raise InputError(f"{file} holds {len(content)} bytes, and {dtype}{list(shape or ())} is stated", fix=_AGAIN)
    return np.frombuffer(content, width).reshape(shape)


def _check_golden(folder: Path, artifact: BundledArtifact, call: GoldenCall) -> None:
    for name in (*call.inputs, *call.outputs):
        values = read_golden(folder, call, name)
        if values.dtype.kind == "f" and name in call.outputs and not np.isfinite(values).all():
            raise InputError(f"{call.outputs[name]} holds NaN or infinity, which nothing can be held to", fix=_AGAIN)
    missing = {tensor.name for tensor in artifact.outputs} ^ set(call.outputs)
    if missing:
        raise InputError(f"sample {call.sample} of {artifact.file} does not state {sorted(missing)}", fix=_AGAIN)


def _labels(folder: Path, manifest: BundleManifest) -> tuple[str, ...]:
    stated = manifest.labels
    if stated is None:
        return ()
    names = tuple((folder / stated.file).read_text(encoding="utf-8", errors="replace").splitlines())
    outputs = (tensor for artifact in manifest.artifacts for tensor in artifact.outputs if tensor.name == stated.output)
    sizes = {tensor.shape[-1] if tensor.shape else 0 for tensor in outputs}
    if len(names) != stated.count or not sizes <= {stated.count, *((1,) if stated.count == 2 else ())} or not sizes:
        raise InputError(
            f"{stated.file} has {len(names)} labels, {FILE_NAME} states {stated.count} for {stated.output!r}, whose "
            f"last axis has {', '.join(map(str, sorted(sizes, key=str))) or 'no size'}",
            fix=_AGAIN,
        )
    return names


def _spec(folder: Path, manifest: BundleManifest) -> Spec | None:
    if manifest.preprocessing is None:
        return None
    spec = read_spec(folder / manifest.preprocessing.file)
    for artifact in manifest.artifacts:
        check_spec(spec, _source_signature(artifact, spec))
    return spec


def _source_signature(artifact: BundledArtifact, spec: Spec) -> Signature:
    """The artifact's signature in the specification's layout and in real numbers."""
    inputs = tuple(_as_spec(tensor, getattr(spec, "layout", None)) for tensor in artifact.inputs)
    outputs = tuple(_as_spec(tensor, None) for tensor in artifact.outputs)
    return Signature(inputs=inputs, outputs=outputs, dims=artifact.dims)


def _as_spec(tensor: BundledTensor, layout: str | None) -> TensorSpec:
    shape = tensor.shape
    if layout is not None and tensor.layout is not None and tensor.layout != layout:
        order = (0, 2, 3, 1) if layout == "nhwc" else (0, 3, 1, 2)
        shape = tuple(shape[axis] for axis in order)
    return TensorSpec(name=tensor.name, dtype="float32" if tensor.scale else tensor.dtype, shape=shape)
