"""What an artifact needs at run time: a runtime's name and version, operators, backends, memory."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An operator that a runtime must have: its domain where the format has domains, name, version, number of calls."""

    name: str
    count: int
    domain: str = ""
    version: int | None = None
    backend: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeNeeds:
    """What an artifact's file needs of its runtime, as read from the shipped file.

    `least` is the oldest runtime version that the format's own rules allow and `least_by` how that is known;
    `proven` are the versions that ran it here. `declares` are the versions that the file itself states ("ir", "opset
    ai.onnx"). `backends` must be linked into ExecuTorch. `reduced_build` names a file of the bundle for building a
    runtime with these operators alone. `arena_bytes` is what activations take at their peak, where the file fixes it.
    """

    runtime: str
    least: str
    least_by: str
    proven: tuple[str, ...] = ()
    declares: dict[str, str] = field(default_factory=dict[str, str])
    operators: tuple[Operator, ...] = ()
    backends: tuple[str, ...] = ()
    reduced_build: str | None = None
    arena_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedBuild:
    """A file from which a runtime is built with an artifact's operators alone: a plain name, and its text."""

    name: str
    text: str
