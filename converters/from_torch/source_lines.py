"""Tells which line of the model's Python a node of an exported program comes from."""

from __future__ import annotations

import re
from pathlib import Path

from torch import fx

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)')
_FRAMEWORKS = ("/torch/", "/executorch/", "/keras/")


def line_of(node: fx.Node) -> str:
    """The text " (net.py:12, in forward)" for the innermost frame that is not the framework's own, or "" if unknown."""
    frames = list(_FRAME.finditer(str(node.meta.get("stack_trace") or "")))
    own = [frame for frame in frames if not any(part in frame["file"] for part in _FRAMEWORKS)] or frames
    if not own:
        return ""
    return f" ({Path(own[-1]['file']).name}:{own[-1]['line']}, in {own[-1]['function']})"
