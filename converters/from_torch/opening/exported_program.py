"""Opens a `.pt2` file that torch.export.save wrote."""

from __future__ import annotations

from pathlib import Path

import torch

from ...errors import SourceError
from ...source import Source
from .opened import Opened


def open_program(source: Source) -> Opened:
    """The program as a module, with its example inputs; SourceError if torch cannot read it."""
    path = Path(source.path or "")
    try:
        program = torch.export.load(path)
    except Exception as error:
        raise SourceError(
            f"{path} cannot be read as an exported program: {type(error).__name__}: {error}",
            fix="save it again with torch.export.save under this torch version",
        ) from error
    return Opened(module=program.module(), examples=program.example_inputs)
