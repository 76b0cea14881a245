"""Runs ExecuTorch programs for microcontrollers on this machine, by the definitions of what the device computes.

Parts for an Ethos-U run in the TOSA reference model, on the very graph that Vela was given; operators of a Cortex-M run
by ExecuTorch's reference operators; the rest by PyTorch's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch

# Installed beside us, where mypy does not look (targets/micro.py)
import tosa_reference_model  # type: ignore[import-not-found]
from executorch.backends.cortex_m.passes import cortex_m_pass_manager

from ...converters.artifact import Artifact
from ...converters.companions import Role
from ...converters.errors import ConversionError, LoadError, NotRunnable
from ...converters.from_torch.micro.vela import compile_tosa, flags_of
from ...converters.from_torch.micro.vela_output import count_inputs
from ...converters.job import RunJob, RunResult
from ...converters.micro_backends import Family, micro_backend
from ...converters.signature import Signature
from ...converters.versions import versions_of
from .executorch_plan import Plan
from .protocol import Array, fitting, named_outputs, not_runnable
from .run import run_calls

REGISTERS = (cortex_m_pass_manager,)  # imported for operators, which programs call by name
_NPU = "EthosUBackend"
_FLAGS = "compile_flags"
# What only says how Vela writes and tells.
_OF_FORM = frozenset({"--output-format", "--debug-force-regor", "--verbose-operators", "--verbose-cycle-estimate"})
_NAME = "ExecuTorch"


class MicroRunner:
    """One loaded program, with the TOSA graph of every part that is an NPU's."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._plan = Plan(artifact, Path(artifact.file).read_bytes())
        self._graphs = self._graphs_of_delegates()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        del self._plan

    def _graphs_of_delegates(self) -> list[bytes]:
        """The TOSA graph that Vela makes each delegate's payload of; LoadError where there is none."""
        delegates = self._plan.delegates
        foreign = {name for name, _, _ in delegates} - {_NPU}
        if foreign:
            raise NotRunnable(f"nothing here computes for {', '.join(sorted(foreign))}", fix="run it on the device")
        if not delegates:
            return []
        flags = _checked_flags(delegates[0][2].get(_FLAGS, b"").decode(errors="replace").split(), self._artifact)
        graphs = [Path(path).read_bytes() for path in self._artifact.companion(Role.TOSA)]
        by_payload = {_compiled(graph, flags): graph for graph in graphs}
        by_payload.pop(b"", None)
        missing = [place for place, (_, payload, _) in enumerate(delegates) if payload not in by_payload]
        if missing:
            name = Path(self._artifact.file).name
            raise LoadError(
                f"part {missing[0]} of {name} is not what Vela makes of a TOSA graph beside it",
                fix="convert again, with the Vela that is installed now",
            )
        return [by_payload[payload] for _, payload, _ in delegates]

    @property
    def signature(self) -> Signature:
        """As the program declares it, with the record's names."""
        return self._plan.signature

    @property
    def made_by(self) -> dict[str, str]:
        """Who computed in place of the device."""
        backend = micro_backend(self._artifact.backend)
        others = {"operators outside": "PyTorch's own"}
        if backend is not None and backend.family is Family.CORTEX_M:
            return {**versions_of("torch", "executorch"), "cortex-m": "ExecuTorch's reference operators", **others}
        parts = f"{len(self._graphs)} of the program's parts"
        return {**versions_of("torch", "tosa-tools"), "TOSA reference model": parts, **others}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One call; RunError if it fails."""
        tensors = [torch.from_numpy(array) for array in fitting(self.signature, inputs)]
        try:
            with torch.no_grad():
                outputs = self._plan.run(tensors, self._in_place_of_npu)
        except NotRunnable:
            raise
        except Exception as error:
            raise not_runnable(_NAME, inputs, error) from error
        return named_outputs(self.signature, [output.contiguous().numpy() for output in outputs])

    def _in_place_of_npu(self, place: int, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """What the NPU would write: of the tensors that it is called with, its inputs come first."""
        inputs = tensors[: count_inputs(self._plan.delegates[place][1])]
        given = [np.ascontiguousarray(tensor.numpy()) for tensor in inputs]
        found: Any
        found, status = tosa_reference_model.run(
            self._graphs[place], given, verbosity="LOW", initialize_variable_tensor_from_numpy=True
        )
        if status != tosa_reference_model.GraphStatus.TOSA_VALID:
            raise RuntimeError(f"the TOSA reference model says {status}")
        return [torch.from_numpy(np.array(array)) for array in found]


def _checked_flags(flags: list[str], artifact: Artifact) -> list[str]:
    """The program's options for Vela; LoadError unless they are those of the backend that the record names."""
    backend = micro_backend(artifact.backend)
    wanted = [] if backend is None else flags_of(backend)
    options = {flag.partition("=")[0] for flag in wanted} | _OF_FORM
    foreign = [flag for flag in flags if flag not in wanted and flag.partition("=")[0] not in _OF_FORM]
    if backend is None or foreign or not any(flag.startswith("--accelerator-config=") for flag in flags):
        raise LoadError(
            f"{artifact.file} was compiled with {' '.join(foreign or flags)}, which is not for {artifact.backend}",
            fix=f"convert again with --backend {artifact.backend}; known are {', '.join(sorted(options))}",
        )
    return flags


def _compiled(graph: bytes, flags: list[str]) -> bytes:
    try:
        return compile_tosa(graph, flags).payload
    except ConversionError:  # no graph at all, or one that Vela refuses
        return b""


def run(job: RunJob) -> RunResult:
    """Run an artifact on stored calls, in a worker."""
    return run_calls(job, MicroRunner)
