"""What an ExecuTorch program needs: backends for its delegates, kernels for the rest, memory that its plan fixes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ..checkpoints.opening import damage_named, mapped
from ..inspection.executorch import ExecutorchReader
from ..inspection.findings import Contents
from .made_by import made_by_or_unknown
from .needs import Operator, ReducedBuild, RuntimeNeeds

_NAME = "select_ops.txt"
_PROMISE = "newer runtimes are made to load it, and nothing is promised of older ones"


def executorch_needs(path: Path, made_by: Mapping[str, str]) -> tuple[RuntimeNeeds, ReducedBuild | None]:
    """Read an ExecuTorch program; the list of kernels is for -DEXECUTORCH_SELECT_OPS_LIST, None where it calls none.

    Raises SourceError for a damaged file.
    """
    with damage_named(path, "ExecuTorch program"):
        reader = ExecutorchReader(mapped(path))
        contents = reader.read()
        planned = reader.planned_bytes()
    least, why = made_by_or_unknown("executorch", made_by, promise=_PROMISE)
    needs = RuntimeNeeds(
        runtime="executorch",
        least=least,
        least_by=why,
        declares=contents.versions,
        operators=tuple(_operators(contents)),
        backends=tuple(sorted({partition.backend for partition in contents.partitions})),
        arena_bytes=planned,
    )
    kernels = ",".join(sorted(contents.operators))
    return needs, ReducedBuild(name=_NAME, text=f"{kernels}\n") if kernels else None


def _operators(contents: Contents) -> Iterator[Operator]:
    """The kernels that the runtime calls itself, then what each backend computes."""
    yield from (Operator(name=name, count=count) for name, count in sorted(contents.operators.items()))
    inside: dict[tuple[str, str], int] = {}
    for partition in contents.partitions:
        for name, count in (partition.operators or {}).items():
            inside[partition.backend, name] = inside.get((partition.backend, name), 0) + count * partition.calls
    for (backend, name), count in sorted(inside.items()):
        yield Operator(name=name, count=count, backend=backend)
