"""Every error the product raises on purpose, each with what to do next and its exit code.

* EdgeproofError
  - UsageError: wrong usage or configuration (2)
    · SourceError: the source cannot be read or built (2)
      NotRepeatable: it gives two results for one input (2)
    · InputError: example inputs or samples do not fit (2)
  - ConversionError: a conversion failed (3)
    · UnsupportedOperators: the format lacks operators of the model (3)
    · NeedsTensorFlow: the model runs only under TensorFlow (3)
    · DataDependent: control flow hangs on tensor values (3)
    · QuantizationError: it cannot be made in this precision, or does not compute in it (3)
  - ArtifactError: an artifact was made, and cannot be used (1)
    · LoadError: its runtime does not open it (1)
    · RunError: it opens, and does not run on these inputs (1)
  - NotRunnable: something asked for cannot run here (4)
  - UnsafeInput: the file asks for something we do not allow (5)
  - WorkerDied: a worker process ended before its job did (6)
    · WorkerKilled (WorkerCrashed), WorkerOutOfMemory, WorkerTimeout
"""

from __future__ import annotations

from typing import ClassVar


class EdgeproofError(Exception):
    """An error with a message for people, the next command to try (`fix`) and an exit code."""

    exit_code: ClassVar[int] = 6

    def __init__(self, message: str, *, fix: str, log: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.log = log

    def __str__(self) -> str:
        lines = [self.message, f"fix: {self.fix}"]
        if self.log:
            lines.append(f"log: {self.log}")
        return "\n".join(lines)


class UsageError(EdgeproofError):
    """The command or call was wrong; nothing was started."""

    exit_code = 2


class SourceError(UsageError):
    """The source cannot be read, or its weights do not fit its architecture."""


class NotRepeatable(SourceError):
    """The source gives two results for one input, so there is nothing to compare an artifact with."""


class InputError(UsageError):
    """Example inputs or samples are missing, or do not fit the model."""


class ConversionError(EdgeproofError):
    """One conversion failed; other artifacts are not affected."""

    exit_code = 3


class UnsupportedOperators(ConversionError):
    """The format has no implementation for some operators of the model (all are listed)."""


class DataDependent(ConversionError):
    """The model branches on the values of its tensors, so one traced graph cannot hold it."""


class NeedsTensorFlow(ConversionError):
    """A Keras model calls TensorFlow itself, so it cannot run under the torch backend."""


class QuantizationError(ConversionError):
    """The model cannot be quantised like this, or what was made does not compute in the integers it is named for."""


class ArtifactError(EdgeproofError):
    """An artifact exists and is of no use, which is as bad as a wrong answer."""

    exit_code = 1


class LoadError(ArtifactError):
    """The runtime of the artifact's format does not open it, or finds another signature in it."""


class RunError(ArtifactError):
    """The artifact opens, and fails on inputs that its signature allows."""


class NotRunnable(EdgeproofError):
    """Something that was asked for cannot run on this machine."""

    exit_code = 4


class UnsafeInput(EdgeproofError):
    """The file asks for something that is not allowed without an explicit option."""

    exit_code = 5


class WorkerDied(EdgeproofError):
    """A worker process ended before its job did."""

    exit_code = 6


class WorkerKilled(WorkerDied):
    """A signal ended the worker."""


class WorkerCrashed(WorkerKilled):
    """The signal was one that a native library's own fault causes."""


class WorkerOutOfMemory(WorkerDied):
    """The worker asked for more memory than it may use."""


class WorkerTimeout(WorkerDied):
    """The job ran longer than its time limit."""
