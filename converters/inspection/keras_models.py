"""Sums up Keras files, read in a worker: where the C library crashes on a damaged file, that is one clear error."""

from __future__ import annotations

from pathlib import Path

from ..checkpoints.keras_facts import KerasFacts, KerasLook
from ..worker.pool import Finished, Limits, Pool, Task
from ..worker.reading import looked, seconds_to_look
from ..worker.stacks import Stack
from .checkpoint_findings import CheckpointContents
from .checkpoint_tree import prefixes_of
from .findings import NamedTensor
from .weights import ranked

_ENTRY = "edgeproof.converters.checkpoints.keras_contents:look"
_LIMITS = Limits(jobs=1)


def keras_contents(path: Path, *, architecture: bool = False) -> CheckpointContents:
    """What a .keras archive, an HDF5 file or an architecture in JSON holds; raises SourceError, UnsafeInput."""
    found = _looked_at(path, architecture=architecture)
    tensors = tuple(
        NamedTensor(name=array.name, dtype=array.dtype, shape=array.shape, bytes=array.bytes) for array in found.arrays
    )
    return CheckpointContents(
        writer=f"Keras {found.version}" if found.version else None,
        tensors=tensors,
        memory_bytes=sum(array.bytes for array in found.arrays),
        prefixes=tuple(prefixes_of("", (array.name.replace("/", ".") for array in found.arrays))),
        refused=found.refused,
        operators=ranked(found.classes),
        metadata={"layout": found.layout, **({"model": found.model} if found.model else {})},
    )


def _looked_at(path: Path, *, architecture: bool) -> KerasFacts:
    task = Task(
        title=f"reading {path.name}",
        entry=_ENTRY,
        job=KerasLook(path=str(path.absolute()), architecture=architecture),
        result=KerasFacts,
        stack=Stack.RUNTIMES,
        seconds=seconds_to_look(path),
    )
    finished: list[Finished[KerasFacts]] = []
    with Pool(_LIMITS.for_input(path), on_progress=lambda _: None) as pool:
        pool.submit(task, finished.append)
        pool.drain()
    return looked(finished[0], path)
