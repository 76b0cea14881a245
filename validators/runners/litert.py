"""Runs LiteRT artifacts in the LiteRT interpreter, by signature, with XNNPACK where it takes the graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from ...converters.artifact import Artifact
from ...converters.errors import LoadError
from ...converters.job import MeasureJob, Measurement, RunJob, RunResult
from ...converters.signature import Signature, TensorSpec
from ...converters.versions import versions_of
from .measure import measure_calls
from .protocol import Array, fitting, keep_dynamic, not_loadable, not_runnable, with_sizes
from .run import run_calls
from .scale import Scale

_NAME = "LiteRT"
_DELEGATE = "DELEGATE"


class LitertRunner:
    """One interpreter and its only signature.

    Inputs and outputs that the file has in integers with a scale are real numbers to the caller.
    """

    def __init__(self, artifact: Artifact, *, threads: int = 1) -> None:
        try:
            self._interpreter: Any = Interpreter(model_path=artifact.file, num_threads=threads)
        except (ValueError, RuntimeError, OSError) as error:
            raise not_loadable(artifact, _NAME, error) from error
        self._runner = _signature_runner(self._interpreter, artifact)
        self._artifact = artifact
        self._scales: dict[str, Scale] = {}
        self._signature = self._declared()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        del self._runner, self._interpreter

    def _declared(self) -> Signature:
        """Signature entries are stored by name without an order, so the graph's own order is taken."""
        return Signature(
            inputs=self._specs(self._runner.get_input_details(), self._interpreter.get_input_details()),
            outputs=self._specs(self._runner.get_output_details(), self._interpreter.get_output_details()),
            dims=self._artifact.signature.dims,
        )

    def _specs(self, named: Mapping[str, Any], ordered: list[Any]) -> tuple[TensorSpec, ...]:
        places = {int(details["index"]): place for place, details in enumerate(ordered)}
        names = sorted(named, key=lambda name: places.get(int(named[name]["index"]), len(places)))
        return tuple(self._spec(name, named[name]) for name in names)

    def _spec(self, name: str, details: Mapping[str, Any]) -> TensorSpec:
        record = self._artifact.signature
        recorded = next((known for known in (*record.inputs, *record.outputs) if known.name == name), None)
        dtype = np.dtype(details["dtype"])
        step, zero_point = details["quantization"]
        if step and (recorded is None or recorded.dtype != dtype.name):
            self._scales[name] = Scale(float(step), int(zero_point), dtype)
        spec = TensorSpec(name=name, dtype="float32" if name in self._scales else dtype.name, shape=())
        spec = with_sizes(spec, [int(size) for size in details["shape_signature"]], record)
        return keep_dynamic(spec, recorded)

    @property
    def signature(self) -> Signature:
        """As the file's signature declares it, in the order of the graph; float32 for integers with a scale."""
        return self._signature

    @property
    def made_by(self) -> dict[str, str]:
        """The runtime's version, and how many operators XNNPACK took once a call has been made."""
        return {**versions_of("ai-edge-litert"), "xnnpack": self._delegated()}

    def _delegated(self) -> str:
        # The only place that tells what the delegate took; private, but the same since TensorFlow Lite 2.5.
        operators = Counter(details["op_name"] for details in self._interpreter._get_ops_details())
        partitions = operators.pop(_DELEGATE, 0)
        return f"{partitions} partitions of a graph of {operators.total()} operators" if partitions else "not used"

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One call, resized first where sizes changed; RunError if it fails."""
        arrays = fitting(self._signature, inputs)
        feeds = {
            spec.name: self._scales[spec.name].rounded(array) if spec.name in self._scales else array
            for spec, array in zip(self._signature.inputs, arrays, strict=True)
        }
        try:
            outputs = self._runner(**feeds)
        except (ValueError, RuntimeError) as error:
            raise not_runnable(_NAME, inputs, error) from error
        return {spec.name: self._real(spec.name, outputs[spec.name]) for spec in self._signature.outputs}

    def _real(self, name: str, output: Array) -> Array:
        """An output in memory of its own, in real numbers."""
        return self._scales[name].real(output) if name in self._scales else np.array(output)


def _signature_runner(interpreter: Any, artifact: Artifact) -> Any:
    signatures = list(interpreter.get_signature_list())
    if len(signatures) != 1:
        raise LoadError(
            f"{artifact.file} has {len(signatures)} signatures ({signatures}), where one names inputs and outputs",
            fix="convert again from the source",
        )
    try:
        return interpreter.get_signature_runner(signatures[0])
    except (ValueError, RuntimeError) as error:
        raise not_loadable(artifact, _NAME, error) from error


def open_runner(artifact: Artifact, *, threads: int = 1) -> LitertRunner:
    """Load a LiteRT file; raises LoadError if the interpreter refuses it or it has no signature."""
    return LitertRunner(artifact, threads=threads)


def run(job: RunJob) -> RunResult:
    """Run an artifact on stored calls, in a worker."""
    return run_calls(job, open_runner)


def measure(job: MeasureJob) -> Measurement:
    """Measure calls of an artifact, in a worker of its own."""
    return measure_calls(job, partial(open_runner, threads=job.threads))
