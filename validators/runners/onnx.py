"""Runs ONNX artifacts in ONNX Runtime on the CPU."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# The Linux wheels report usage unless this is set before the library starts.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy as np
import onnxruntime

from ...converters.artifact import Artifact
from ...converters.errors import LoadError, SourceError
from ...converters.inspection.onnx import check_external_data
from ...converters.job import MeasureJob, Measurement, RunJob, RunResult
from ...converters.signature import Signature, TensorSpec
from .measure import measure_calls
from .protocol import Array, fitting, named_outputs, not_loadable, not_runnable, with_sizes
from .run import run_calls

_NAME = "ONNX Runtime"
_PROVIDER = "CPUExecutionProvider"
_ONLY_FATAL = 4
_DTYPES = {
    "float16": "float16",
    "float": "float32",
    "double": "float64",
    "bool": "bool",
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


class OnnxRunner:
    """One session."""

    def __init__(self, artifact: Artifact, *, threads: int = 1) -> None:
        self._session = _session(artifact, threads)
        self._signature = Signature(
            inputs=_specs(self._session.get_inputs(), artifact),
            outputs=_specs(self._session.get_outputs(), artifact),
            dims=artifact.signature.dims,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        del self._session

    @property
    def signature(self) -> Signature:
        """As the graph declares it."""
        return self._signature

    @property
    def made_by(self) -> dict[str, str]:
        """The runtime's version and the provider."""
        return {"onnxruntime": onnxruntime.__version__, "provider": _PROVIDER}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One call; RunError if it fails."""
        arrays = fitting(self._signature, inputs)
        feeds = {spec.name: array for spec, array in zip(self._signature.inputs, arrays, strict=True)}
        try:
            outputs = self._session.run(None, feeds)
        except Exception as error:
            # The runtime's exceptions share no base but Exception.
            raise not_runnable(_NAME, inputs, error) from error
        return named_outputs(self._signature, [np.asarray(output) for output in outputs])


def _session(artifact: Artifact, threads: int, *, optimised: Path | None = None) -> Any:
    options = onnxruntime.SessionOptions()
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    options.log_severity_level = _ONLY_FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    try:
        check_external_data(Path(artifact.file))
    except SourceError as error:
        raise not_loadable(artifact, _NAME, error.message) from error
    try:
        return onnxruntime.InferenceSession(artifact.file, sess_options=options, providers=[_PROVIDER])
    except Exception as error:
        raise not_loadable(artifact, _NAME, error) from error


def _specs(declared: Sequence[Any], artifact: Artifact) -> tuple[TensorSpec, ...]:
    return tuple(_spec(tensor, artifact) for tensor in declared)


def _spec(tensor: Any, artifact: Artifact) -> TensorSpec:
    element = tensor.type.removeprefix("tensor(").removesuffix(")")
    if element not in _DTYPES:
        raise LoadError(
            f"{tensor.name!r} of {artifact.file} is a {tensor.type}, which is not an array of numbers",
            fix="let the model take and return plain real tensors",
        )
    spec = TensorSpec(name=tensor.name, dtype=_DTYPES[element], shape=())
    return with_sizes(spec, tensor.shape, artifact.signature)


def open_runner(artifact: Artifact, *, threads: int = 1) -> OnnxRunner:
    """Load an ONNX file; raises LoadError if ONNX Runtime refuses it."""
    return OnnxRunner(artifact, threads=threads)


def run(job: RunJob) -> RunResult:
    """Run an artifact on stored calls, in a worker."""
    return run_calls(job, open_runner)


def measure(job: MeasureJob) -> Measurement:
    """Measure calls of an artifact, in a worker of its own."""
    return measure_calls(job, partial(open_runner, threads=job.threads), executed=_optimised)


def _optimised(artifact: Artifact) -> Path:
    """The graph that a session executes: ONNX Runtime fuses quantising operators into their neighbours on loading."""
    place = Path(tempfile.mkdtemp(), "optimised.onnx")
    _session(artifact, 1, optimised=place)
    return place
