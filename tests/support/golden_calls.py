"""Runs the small artifacts in tests/golden/artifacts that have two inputs, on random numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.validators.runners.protocol import Runner

Array = np.ndarray[Any, np.dtype[Any]]
NAMES = {
    "net.pte": ("in_0", "in_1", "out_0", "out_1"),
    "net.tflite": ("args_0", "args_1", "output_0", "output_1"),
    "net.onnx": ("image", "offset", "scores", "features"),
    "net.pt": ("image", "offset", "scores", "features"),
}
_SHAPES = ((2, 2, 4, 4), (2, 2), (2, 3), (2, 2))


def artifact_at(file: Path, name: str, format_name: str) -> Artifact:
    """What a runner is told of a copy of the artifact of that name."""
    specs = [
        TensorSpec(name=tensor, dtype="float32", shape=shape)
        for tensor, shape in zip(NAMES[name], _SHAPES, strict=True)
    ]
    return Artifact(
        file=str(file),
        format=format_name,
        backend="any",
        precision=Precision.FP32,
        signature=Signature(inputs=tuple(specs[:2]), outputs=tuple(specs[2:])),
        sha256="",
        bytes=file.stat().st_size,
    )


def outputs_of(open_runner: Callable[[Artifact], Runner], artifact: Artifact) -> list[bytes]:
    """The bytes of every output of three calls."""
    rng = np.random.default_rng(7)
    found: list[bytes] = []
    with open_runner(artifact) as runner:
        for _ in range(3):
            inputs = {
                spec.name: rng.standard_normal(shape).astype(np.float32)
                for spec, shape in zip(artifact.signature.inputs, _SHAPES, strict=False)
            }
            found += [np.ascontiguousarray(array).tobytes() for array in runner.run(inputs).values()]
    return found
