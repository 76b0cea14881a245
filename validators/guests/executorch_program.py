"""The ExecuTorch guest as Python sees it: where its program lies, what it prints, and which error that is.

The program is compiled from executorch/*.cpp by build_executorch.py, and comes with the package for two processors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ...converters.artifact import Artifact
from ...converters.errors import EdgeproofError, LoadError, NotRunnable, RunError
from ...converters.signature import Signature, TensorSpec
from ..runners.protocol import keep_dynamic

# The program is tied to the minor version of the package whose libraries it uses.
MADE_FOR = "1.5"
_PREBUILT = Path(__file__).with_name("executorch") / "prebuilt"
_FIX = "convert again from the source; if it stays, report it with the artifact"
_NAME = "ExecuTorch"


class Tensor(msgspec.Struct, frozen=True):
    """An input or output as the program declares it, with its largest sizes."""

    dtype: str
    shape: tuple[int, ...]


class Loaded(msgspec.Struct, frozen=True):
    """What the guest says of a method when it has loaded it."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    backends: tuple[str, ...] = ()
    delegates: int = 0
    operators: tuple[str, ...] = ()
    cpu_features: tuple[str, ...] = ()


class Problem(msgspec.Struct, frozen=True):
    """Why it ended."""

    stage: str
    message: str
    call: int | None = None
    code: str | None = None


class Done(msgspec.Struct, frozen=True):
    """It came to the end of its inputs, or of its budget."""

    calls: int


class Line(msgspec.Struct, frozen=True):
    """One line that the guest prints; a call's has its number, its milliseconds and how many arrays it gave."""

    loaded: Loaded | None = None
    call: int | None = None
    milliseconds: float = 0.0
    outputs: int = 0
    done: Done | None = None
    error: Problem | None = None


_DECODER = msgspec.json.Decoder(Line)


def parse(line: bytes) -> Line | None:
    """What a line says; None for one that is no line of the guest's."""
    try:
        return _DECODER.decode(line)
    except msgspec.DecodeError:
        return None


def program_for(machine: str) -> Path:
    """The compiled guest for a machine ("x86_64", "aarch64"); raises NotRunnable if there is none."""
    path = _PREBUILT / f"edgeproof-executorch-runner-{machine}"
    if not path.exists():
        raise NotRunnable(
            f"there is no ExecuTorch runner for {machine}",
            fix="take Linux on x86-64 or AArch64, or: python -m edgeproof.validators.guests.build_executorch",
        )
    return path


def check_version(version: str) -> None:
    """Raises NotRunnable for a version of the executorch package that the program was not compiled for."""
    if not version.startswith(f"{MADE_FOR}."):
        raise NotRunnable(
            f"the ExecuTorch runner was made for executorch {MADE_FOR}, and {version} is installed",
            fix=f'pip install "executorch=={MADE_FOR}.*"',
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A method as a program declares it: the signature with the record's names, and who computes."""

    signature: Signature
    made_by: dict[str, str]


def declared(loaded: Loaded, artifact: Artifact) -> Declared:
    """What was loaded, under the names that the artifact's record has; raises LoadError if the numbers differ."""
    recorded = artifact.signature
    if (len(loaded.inputs), len(loaded.outputs)) != (len(recorded.inputs), len(recorded.outputs)):
        raise LoadError(
            f"{artifact.file} has {len(loaded.inputs)} inputs and {len(loaded.outputs)} outputs, its signature "
            f"{len(recorded.inputs)} and {len(recorded.outputs)}",
            fix="convert again from the source",
        )
    made_by = {"delegates": f"{loaded.delegates} to {', '.join(loaded.backends)}"} if loaded.backends else {}
    return Declared(
        signature=replace(
            recorded,
            inputs=tuple(map(_spec, loaded.inputs, recorded.inputs)),
            outputs=tuple(map(_spec, loaded.outputs, recorded.outputs)),
        ),
        made_by=made_by,
    )


def _spec(tensor: Tensor, recorded: TensorSpec) -> TensorSpec:
    """The file's sizes; for a dynamic axis it holds the largest one."""
    return keep_dynamic(TensorSpec(name=recorded.name, dtype=tensor.dtype, shape=tensor.shape), recorded)


def error_of(problem: Problem, artifact: Artifact) -> EdgeproofError:
    """The error that a guest told of."""
    if problem.stage in {"load", "arguments"}:
        return LoadError(f"{_NAME} does not load {artifact.file}: {problem.message}", fix=_FIX)
    place = "" if problem.call is None else f" in call {problem.call}"
    return RunError(f"{_NAME} failed{place}: {problem.message}", fix=_FIX)
