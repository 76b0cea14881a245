"""What is asked of a worker to find the operator that an artifact gets wrong, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from .artifact import Artifact
from .job import ConvertJob


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceJob:
    """Run the source's program on the first of the stored calls and store what its operators give in `values`."""

    program: ConvertJob
    calls: str
    values: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedNode:
    """One operator of a program: its `inputs` are other nodes, `module` and `line` say where in the model it stands.

    `noise` is the rms of what float32 loses by then, None for what gives no float tensor.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    module: str
    line: str
    noise: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The operators of a program that depend on its inputs, in the order in which they run.

    `outputs` maps the source's outputs to the nodes that give them.
    """

    nodes: tuple[TracedNode, ...]
    outputs: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TapJob:
    """Run an artifact on the first of the stored calls and store what its operators give in `values`."""

    artifact: Artifact
    calls: str
    values: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TappedJob:
    """Make an artifact at `output` that also gives what its operators give, for a runtime that does not tell."""

    program: ConvertJob
    artifact: Artifact
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractJob:
    """Take the operator that gives `tap` out of an artifact: a file of its own format, and what goes into it.

    `nodes` are those of the source's program that it stands for, for a format that is lowered again (`program`).
    Writes `file`, and its inputs in the file's order to `inputs`.
    """

    artifact: Artifact
    calls: str
    tap: str
    file: str
    inputs: str
    program: ConvertJob | None = None
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """One operator of an artifact as its runtime runs it: `inputs` are other taps by name; constants are left out."""

    name: str
    operator: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taps:
    """The operators of an artifact in the order in which they run, and its outputs on the way that was tapped.

    `outputs` maps the artifact's outputs to taps; `without` names what was switched off to see the rest, such as
    a delegate.
    """

    taps: tuple[Tap, ...]
    outputs: dict[str, str]
    without: str = ""
