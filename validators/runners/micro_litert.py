"""Runs LiteRT files for microcontrollers in tflite-micro: the file that Vela was given, since no Ethos-U is at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

# Installed beside us, where mypy does not look (targets/micro.py)
from tflite_micro import runtime  # type: ignore[import-not-found]

from ...converters.artifact import Artifact
from ...converters.companions import Role
from ...converters.errors import EdgeproofError, LoadError
from ...converters.from_torch.micro.vela import compile_litert
from ...converters.job import RunJob, RunResult
from ...converters.micro_backends import MicroBackend, micro_backend
from ...converters.signature import Signature, TensorSpec
from ...converters.versions import versions_of
from .protocol import Array, fitting, named_outputs, not_loadable, not_runnable
from .run import run_calls
from .scale import Scale

_NAME = "tflite-micro"


class MicroRunner:
    """One interpreter on the file before Vela; inputs and outputs in integers are real numbers to the caller."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        model = _before_vela(artifact)
        try:
            self._interpreter: Any = runtime.Interpreter.from_bytes(model)
        except Exception as error:
            raise not_loadable(artifact, _NAME, error) from error
        self._scales: dict[str, Scale] = {}
        record = artifact.signature
        _refuse_more(self._interpreter.get_input_details, len(record.inputs), artifact)
        _refuse_more(self._interpreter.get_output_details, len(record.outputs), artifact)
        self._signature = Signature(
            inputs=self._specs(record.inputs, self._interpreter.get_input_details),
            outputs=self._specs(record.outputs, self._interpreter.get_output_details),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        del self._interpreter

    def _specs(self, recorded: Sequence[TensorSpec], details_of: Any) -> tuple[TensorSpec, ...]:
        """What the file declares, in its order; it stores no names that this interpreter shows."""
        return tuple(self._spec(spec, details_of(place)) for place, spec in enumerate(recorded))

    def _spec(self, recorded: TensorSpec, details: Mapping[str, Any]) -> TensorSpec:
        dtype = np.dtype(details["dtype"])
        known = details["quantization_parameters"]
        steps, zero_points = known["scales"], known["zero_points"]
        if len(steps) == 1 and dtype.kind == "i" and recorded.dtype != dtype.name:
            self._scales[recorded.name] = Scale(float(steps[0]), int(zero_points[0]), dtype)
        name = "float32" if recorded.name in self._scales else dtype.name
        return TensorSpec(name=recorded.name, dtype=name, shape=tuple(int(size) for size in details["shape"]))

    @property
    def signature(self) -> Signature:
        """As the file declares it, with the record's names; float32 for integers with a scale."""
        return self._signature

    @property
    def made_by(self) -> dict[str, str]:
        """Who computed in place of the device."""
        return {**versions_of("tflite-micro"), "ran": "the file before Vela, every operator of it"}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One call; RunError if it fails."""
        arrays = fitting(self._signature, inputs)
        try:
            for place, (spec, array) in enumerate(zip(self._signature.inputs, arrays, strict=True)):
                scale = self._scales.get(spec.name)
                self._interpreter.set_input(array if scale is None else scale.rounded(array), place)
            self._interpreter.invoke()
            found = [np.array(self._interpreter.get_output(place)) for place in range(len(self._signature.outputs))]
        except Exception as error:
            raise not_runnable(_NAME, inputs, error) from error
        outputs = named_outputs(self._signature, found)
        return {
            name: self._scales[name].real(array) if name in self._scales else array for name, array in outputs.items()
        }


def _before_vela(artifact: Artifact) -> bytes:
    """The file that Vela makes the artifact of; raises LoadError if it is missing, or Vela makes another of it."""
    backend, name = micro_backend(artifact.backend), Path(artifact.file).name
    paths = artifact.companion(Role.BEFORE_VELA)
    if backend is None or not paths or not Path(paths[0]).is_file():
        raise LoadError(f"what Vela compiled to {name} is not beside it", fix="convert again")
    model = Path(paths[0]).read_bytes()
    payload = Path(artifact.file).read_bytes()
    if not payload or _compiled(model, backend) != payload:
        raise LoadError(
            f"{name} is not what Vela makes of {Path(paths[0]).name}",
            fix="convert again, with the Vela that is installed now",
        )
    return model


def _compiled(model: bytes, backend: MicroBackend) -> bytes | None:
    """What Vela makes of a model; None for one that it refuses."""
    try:
        return compile_litert(model, backend).payload
    except EdgeproofError:
        return None


def _refuse_more(details_of: Any, count: int, artifact: Artifact) -> None:
    """Raise LoadError for a file that has more inputs or outputs than its record."""
    try:
        more = details_of(count)
    except Exception:  # noqa: BLE001 (its errors share no base, and to have no more is what should be)
        return
    if more is not None:
        raise LoadError(f"{artifact.file} has more inputs or outputs than its record", fix="convert again")


def run(job: RunJob) -> RunResult:
    """Run an artifact on stored calls, in a worker."""
    return run_calls(job, MicroRunner)
