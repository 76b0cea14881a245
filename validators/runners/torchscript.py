"""Runs TorchScript artifacts in torch."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch

from ...converters.artifact import Artifact
from ...converters.checkpoints.opening import damage_named
from ...converters.errors import LoadError, SourceError
from ...converters.from_torch.opening.torchscript_vetting import check_file, keeps_state
from ...converters.from_torch.torchscript_engine import prefer_exact_engine
from ...converters.job import MeasureJob, Measurement, RunJob, RunResult
from ...converters.signature import Signature
from .measure import measure_calls
from .protocol import Array, fitting, named_outputs, not_loadable, not_runnable
from .run import run_calls
from .torch_tensors import as_arrays, as_tensor

_NAME = "TorchScript"


class TorchscriptRunner:
    """One loaded module, in eval mode; names and shapes come from the artifact's record, positions from the file."""

    def __init__(self, artifact: Artifact, *, threads: int | None = None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._module = load_module(artifact)
        self._keeps_state = keeps_state(self._module)
        self._signature = artifact.signature
        _check_arguments(self._module, artifact)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        del self._module

    @property
    def signature(self) -> Signature:
        """The artifact's record: the format stores neither dtypes nor shapes."""
        return self._signature

    @property
    def made_by(self) -> dict[str, str]:
        """The version of torch, and the engine that its kernels for integers come from."""
        return {"torch": str(torch.__version__), "engine": str(torch.backends.quantized.engine)}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One call; RunError if the module raises."""
        tensors = [as_tensor(array) for array in fitting(self._signature, inputs)]
        try:
            with torch.no_grad():
                # As with the source: every call starts from the state that the file has.
                outputs = (copy.deepcopy(self._module) if self._keeps_state else self._module)(*tensors)
        except Exception as error:
            # Interpreter errors are RuntimeError, but a scripted `raise` comes out as torch.jit.Error.
            raise not_runnable(_NAME, inputs, _last_line(error)) from error
        return named_outputs(self._signature, as_arrays(outputs))


def load_module(artifact: Artifact) -> Any:
    """The module of a TorchScript file that was looked through first, in eval mode; raises LoadError."""
    try:
        # Also what edgeproof made: a folder to verify may come from anybody.
        with damage_named(Path(artifact.file), "TorchScript archive"):
            check_file(Path(artifact.file))
    except SourceError as error:
        raise not_loadable(artifact, _NAME, error.message) from error
    try:
        with warnings.catch_warnings():
            # torch calls TorchScript deprecated on every load; whoever asks for the format knows.
            warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)
            # Weights are packed for the engine that is set now; others might saturate.
            prefer_exact_engine()
            module = torch.jit.load(artifact.file, map_location="cpu")
    except (RuntimeError, ValueError, OSError) as error:
        raise not_loadable(artifact, _NAME, error) from error
    return module.eval()


def _check_arguments(module: Any, artifact: Artifact) -> None:
    arguments = [argument.name for argument in module.forward.schema.arguments[1:]]  # without the module itself
    names = [spec.name for spec in artifact.signature.inputs]
    if len(arguments) != len(names):
        raise LoadError(
            f"forward of {artifact.file} takes {arguments}, where the artifact's signature has {names}",
            fix="convert again from the source",
        )


def _last_line(error: Exception) -> str:
    """A TorchScript error ends with what went wrong, after the whole interpreted stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def open_runner(artifact: Artifact, *, threads: int | None = None) -> TorchscriptRunner:
    """Load a TorchScript file; raises LoadError if torch refuses it or it takes another number of inputs.

    `threads` holds for the whole process.
    """
    return TorchscriptRunner(artifact, threads=threads)


def run(job: RunJob) -> RunResult:
    """Run an artifact on stored calls, in a worker."""
    return run_calls(job, open_runner)


def measure(job: MeasureJob) -> Measurement:
    """Measure calls of an artifact, in a worker of its own."""
    return measure_calls(job, partial(open_runner, threads=job.threads))
