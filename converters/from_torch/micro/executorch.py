"""PyTorch to ExecuTorch for the micro edge: quantised by the backend's own quantiser, with what judging it needs."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ...artifact import Artifact
from ...companions import Companion, Role
from ...errors import ConversionError, UsageError
from ...estimate import Estimate
from ...job import ConvertJob
from ...micro_backends import Family, MicroBackend, micro_backend
from ...versions import versions_of
from ...worker.stages import stage
from ...writing import write_atomically
from ..finishing import finish_program
from ..lowering import Lowering
from ..program import TorchProgram, program_of
from ..upstream.exir import ExecutorchBackendConfig, MemoryPlanningPass
from . import cortex_m, ethos_u
from .quantise import Quantised, quantise
from .unused import drop_unused

_TOOLS = {Family.ETHOS_U: ("torch", "executorch", "ethos-u-vela"), Family.CORTEX_M: ("torch", "executorch")}
Files = Iterator[tuple[Role, str, bytes]]


def convert(job: ConvertJob) -> Artifact:
    """Make the artifact of a job; raises ConversionError, QuantizationError, UnsupportedOperators."""
    return convert_program(job, program_of(job), route=("torch", "torch.export"))


def convert_program(job: ConvertJob, program: TorchProgram, *, route: tuple[str, ...]) -> Artifact:
    """The same for a program that is there already; `route` says where it came from."""
    backend = backend_of(job)
    quantizer = _quantizer(backend)
    with stage("quantise"):
        quantised = quantise(program, quantizer, calibration=job.calibration, budget=job.budget)
    with stage("lower"):
        manager, tosa, estimate, notes = _lowered(quantised, quantizer, backend)
        drop_unused(manager.exported_program())
        lowering = Lowering(payload=serialised(manager, backend), backend=backend.name, notes=notes)
    made = finish_program(
        job,
        program,
        lowering,
        route=(*route, quantised.recipe.quantizer, "executorch"),
        made_by=versions_of(*_TOOLS[backend.family]),
    )
    companions = tuple(write_beside(made.file, each) for each in _files(quantised, tosa))
    return replace(made, companions=companions, backend_recipe=quantised.recipe, estimate=estimate)


def backend_of(job: ConvertJob) -> MicroBackend:
    """The backend that a job names; raises UsageError for one that is not of the micro edge."""
    backend = micro_backend(job.backend)
    if backend is None:
        raise UsageError(f"{job.backend!r} is no backend of the micro edge", fix="see `edgeproof formats`")
    return backend


def write_beside(file: str, companion: tuple[Role, str, bytes]) -> Companion:
    """Write a file beside an artifact, named after it."""
    role, suffix, payload = companion
    path = Path(file)
    name = f"{path.stem}{suffix}"
    write_atomically(path.with_name(name), payload)
    return Companion(role=role, file=name, sha256=hashlib.sha256(payload).hexdigest(), bytes=len(payload))


def _quantizer(backend: MicroBackend) -> Any:
    return ethos_u.quantizer_for(backend) if backend.family is Family.ETHOS_U else cortex_m.quantizer_for()


def _lowered(
    quantised: Quantised, quantizer: Any, backend: MicroBackend
) -> tuple[Any, tuple[bytes, ...], Estimate | None, tuple[str, ...]]:
    if backend.family is Family.ETHOS_U:
        delegated = ethos_u.delegate(quantised.program, backend)
        return delegated.manager, delegated.tosa, delegated.estimate, delegated.notes
    manager, notes = cortex_m.rewrite(quantised.program, backend, cortex_m.refused_by(quantizer, quantised.lines))
    return manager, (), None, notes


def serialised(manager: Any, backend: MicroBackend) -> bytes:
    """The bytes of the program; raises ConversionError."""
    planning = MemoryPlanningPass(alloc_graph_input=True, alloc_graph_output=True)
    config = ExecutorchBackendConfig(memory_planning_pass=planning, extract_delegate_segments=False)
    try:
        with torch.no_grad():
            return bytes(manager.to_executorch(config).buffer)
    except Exception as error:
        raise ConversionError(
            f"ExecuTorch could not write the program for {backend.name}: {type(error).__name__}: {error}",
            fix="read the log; another backend may take the model",
        ) from error


def _files(quantised: Quantised, tosa: tuple[bytes, ...]) -> Files:
    buffer = io.BytesIO()
    torch.export.save(quantised.program, buffer)
    yield Role.QUANTISED, ".quantised.pt2", buffer.getvalue()
    for place, graph in enumerate(tosa):
        yield Role.TOSA, f".{place}.tosa" if len(tosa) > 1 else ".tosa", graph
