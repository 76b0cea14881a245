"""Measures ExecuTorch artifacts inside this process, through the bindings that the executorch package brings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

import torch
from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool
from executorch.runtime import Runtime

from ...converters.artifact import Artifact
from ...converters.errors import LoadError
from ...converters.job import MeasureJob, Measurement
from ...converters.signature import Signature, TensorSpec
from ...converters.versions import versions_of
from .measure import measure_calls
from .protocol import Array, fitting, keep_dynamic, named_outputs, not_loadable, not_runnable
from .torch_tensors import as_arrays, as_tensor

_NAME = "ExecuTorch"
_METHOD = "forward"
# The runtime's error codes (executorch 1.5, runtime/core/error.h), in words.
_CODES = {
    "0x1": "internal error of the runtime",
    "0x2": "the method is in a state that does not allow this",
    "0x10": "not supported: often an input whose size the program does not allow",
    "0x11": "not implemented",
    "0x12": "invalid argument: a kernel refused what the program gives it",
    "0x13": "a value has the wrong type",
    "0x14": "the program needs an operator that this runtime has no kernel for",
    "0x20": "not found: a backend or resource that the program names is not in this runtime",
    "0x21": "memory could not be had",
    "0x22": "the file could not be read",
    "0x23": "the file is not a program that this runtime understands",
    "0x24": "the program's external data are damaged",
    "0x25": "resources ran out",
    "0x30": "the backend's part was made by another version of the backend",
    "0x31": "the backend could not have the memory it needs",
    "0x32": "the backend's handle is invalid",
}


class ExecutorchRunner:
    """One loaded method; the file has positions, dtypes and the largest sizes, the artifact's record the names."""

    def __init__(self, artifact: Artifact, *, threads: int | None = None) -> None:
        if threads is not None:
            # The runtime's one thread pool; XNNPACK takes it when a method is loaded, so it is set before that.
            _unsafe_reset_threadpool(threads)
        self._program, self._method = _load(artifact)
        self._signature = _declared(self._method.metadata, artifact)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        del self._method, self._program

    @property
    def signature(self) -> Signature:
        """As the program declares it, with the record's names."""
        return self._signature

    @property
    def made_by(self) -> dict[str, str]:
        """The runtime's version and torch's, whose tensors it takes."""
        return versions_of("executorch", "torch")

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One call; RunError if the runtime fails."""
        tensors = [as_tensor(array) for array in fitting(self._signature, inputs)]
        try:
            with torch.no_grad():
                outputs = self._method.execute(tensors)
        except RuntimeError as error:
            raise not_runnable(_NAME, inputs, in_words(error)) from error
        return named_outputs(self._signature, as_arrays(list(outputs)))


def in_words(error: Exception) -> str:
    """The runtime's message, with what its error code stands for."""
    text = str(error)
    code = text.rpartition(" ")[2].lower().replace("0x:", "0x")
    return f"{text} ({_CODES[code]})" if code in _CODES else text


def _load(artifact: Artifact) -> tuple[Any, Any]:
    try:
        program: Any = Runtime.get().load_program(artifact.file)
        if _METHOD not in program.method_names:
            raise LoadError(
                f"{artifact.file} has the methods {sorted(program.method_names)}, and no {_METHOD!r}",
                fix="convert again from the source",
            )
        return program, program.load_method(_METHOD)
    except RuntimeError as error:
        raise not_loadable(artifact, _NAME, in_words(error)) from error


def _declared(metadata: Any, artifact: Artifact) -> Signature:
    recorded = artifact.signature
    inputs, outputs = metadata.num_inputs(), metadata.num_outputs()
    if (inputs, outputs) != (len(recorded.inputs), len(recorded.outputs)):
        raise LoadError(
            f"{artifact.file} has {inputs} inputs and {outputs} outputs, its signature {len(recorded.inputs)} and "
            f"{len(recorded.outputs)}",
            fix="convert again from the source",
        )
    return Signature(
        inputs=tuple(_sized(spec, metadata.input_tensor_meta(place)) for place, spec in enumerate(recorded.inputs)),
        outputs=tuple(_sized(spec, metadata.output_tensor_meta(place)) for place, spec in enumerate(recorded.outputs)),
        dims=recorded.dims,
    )


def _sized(spec: TensorSpec, meta: Any) -> TensorSpec:
    """The file's sizes; for a dynamic axis it holds the largest one."""
    sizes = tuple(int(size) for size in meta.sizes())
    return keep_dynamic(TensorSpec(name=spec.name, dtype=spec.dtype, shape=sizes), spec)


def open_runner(artifact: Artifact, *, threads: int | None = None) -> ExecutorchRunner:
    """Load an ExecuTorch program; raises LoadError if the runtime refuses it or it has no method `forward`.

    `threads` holds for every program of the process.
    """
    return ExecutorchRunner(artifact, threads=threads)


def measure(job: MeasureJob) -> Measurement:
    """Measure calls of an artifact, in a worker of its own."""
    return measure_calls(job, partial(open_runner, threads=job.threads))
