"""What an app must know of an artifact's inputs and outputs: dtype, shape, layout, range, scale, formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...converters.artifact import Format
from ...converters.inspection.findings import Contents, TensorFacts, Weights
from ...converters.inspection.inspect import inspect_artifact
from ...converters.job import Layout
from ...converters.manifest import ArtifactRecord
from ...converters.preprocessing.kinds import ImageSpec, Spec
from ...converters.signature import TensorSpec
from ...converters.source import Framework
from .manifest import BundledTensor

_IMAGE_AXES = 4
_WHITE = 255
Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of tensors beyond an artifact's record: its source's framework, what makes images, seen values."""

    framework: str
    spec: Spec | None
    ranges: Mapping[str, Range]


def contents_of(file: Path, record: ArtifactRecord) -> Contents:
    """What an artifact's file says of itself; nothing for formats that only a plug-in reads."""
    if record.format in set(Format):
        return inspect_artifact(file).contents
    return Contents(inputs=(), outputs=(), operators={}, weights=Weights(tensors=0, bytes=0, elements={}))


def tensors_of(
    specs: tuple[TensorSpec, ...], facts: tuple[TensorFacts, ...], record: ArtifactRecord, known: Known
) -> tuple[BundledTensor, ...]:
    """The inputs or the outputs of an artifact, with what its shipped file says of them (`facts`)."""
    pairs = zip(specs, matched(specs, facts), strict=True)
    return tuple(_tensor(spec, fact, record, known) for spec, fact in pairs)


def matched(specs: tuple[TensorSpec, ...], facts: tuple[TensorFacts, ...]) -> tuple[TensorFacts, ...]:
    """What a file says of each tensor: by its name, or by its place where a compiler gave all of them other names."""
    by_name = {fact.name: fact for fact in facts}
    if len(specs) == len(facts) and not any(spec.name in by_name for spec in specs):
        return facts
    nothing = TensorFacts(name=None, dtype=None, shape=None)
    return tuple(by_name.get(spec.name, nothing) for spec in specs)


def _tensor(spec: TensorSpec, fact: TensorFacts, record: ArtifactRecord, known: Known) -> BundledTensor:
    image = known.spec if isinstance(known.spec, ImageSpec) and known.spec.input == spec.name else None
    integers = fact.scale is not None and fact.dtype is not None and fact.dtype != spec.dtype
    dtype = fact.dtype if integers and fact.dtype else spec.dtype
    zero_point = (fact.zero_point or 0) if integers else None
    return BundledTensor(
        name=spec.name,
        dtype=dtype,
        shape=spec.shape,
        layout=_layout(spec, record, known),
        colours=str(image.colours) if image else None,
        range=_image_range(image) if image else known.ranges.get(spec.name),
        scale=fact.scale if integers else None,
        zero_point=zero_point,
        quantize=_quantize(dtype, fact.scale, zero_point) if integers else None,
        dequantize=f"real = (q - {zero_point}) * {fact.scale!r}" if integers else None,
    )


def _quantize(dtype: str, scale: float | None, zero_point: int | None) -> str:
    bounds = np.iinfo(dtype)
    return f"q = clamp(round_half_to_even(real / {scale!r}) + {zero_point}, {bounds.min}, {bounds.max})"


def _layout(spec: TensorSpec, record: ArtifactRecord, known: Known) -> str | None:
    """That of tensors with four axes, taken for images: what makes the image says which, else the framework."""
    if len(spec.shape) != _IMAGE_AXES:
        return None
    own = Layout.NCHW if known.framework == Framework.TORCH else Layout.NHWC
    if isinstance(known.spec, ImageSpec) and known.spec.input == spec.name:
        own = known.spec.layout
    return record.layouts.get(spec.name, str(own))


def _image_range(spec: ImageSpec) -> Range:
    """The lowest and highest value that preprocessing gives, over all channels."""
    channels = spec.colours.channels
    means, stds = spec.mean or (0.0,) * channels, spec.std or (1.0,) * channels
    ends = [
        (np.float32(pixel) / np.float32(spec.divisor) - np.float32(mean)) / np.float32(std)
        for mean, std in zip(means, stds, strict=True)
        for pixel in (0, _WHITE)
    ]
    return float(min(ends)), float(max(ends))
