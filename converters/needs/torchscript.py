"""What a TorchScript archive needs of libtorch: the operators that its code calls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..checkpoints.opening import damage_named
from ..inspection.torchscript import read_torchscript
from .made_by import made_by_or_unknown
from .needs import Operator, RuntimeNeeds

_FORMAT = "archive version"


def torchscript_needs(path: Path, made_by: Mapping[str, str]) -> RuntimeNeeds:
    """Read a TorchScript archive; raises SourceError for a damaged one, UnsafeInput for one that asks for code.

    The number of its format is older than most operators, and operators have no versions in the file, so that it says
    nothing of the least version.
    """
    with damage_named(path, "TorchScript archive"):
        contents = read_torchscript(path)
    stored = contents.versions.get(_FORMAT, "unknown")
    promise = f"its format, {stored}, is read by older ones too, but says nothing of the operators it calls"
    least, why = made_by_or_unknown("torch", made_by, promise=promise)
    return RuntimeNeeds(
        runtime="libtorch",
        least=least,
        least_by=why,
        declares=contents.versions,
        operators=tuple(Operator(name=name, count=count) for name, count in sorted(contents.operators.items())),
    )
