"""Tells which line of the model's Python a node of an exported program comes from."""

from __future__ import annotations

import re
from pathlib import Path

from torch import fx

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)')
_FRAMEWORKS = tuple(f"/site-packages/{name}/" for name in ("torch", "executorch", "keras"))
_OURS = str(Path(__file__).parents[1])
_WRAPPER = "module."


def line_of(node: fx.Node) -> str:
    """The text " (net.py:12, in forward)" for the innermost frame of the user's, " (Conv3d at features.0)" if none is.

    "" if neither is known.
    """
    frames = _FRAME.finditer(str(node.meta.get("stack_trace") or ""))
    users = [frame for frame in frames if not _is_foreign(frame["file"])]
    if not users:
        return _module_of(node)
    return f" ({Path(users[-1]['file']).name}:{users[-1]['line']}, in {users[-1]['function']})"


def _is_foreign(file: str) -> bool:
    return file.startswith(_OURS) or any(part in file for part in _FRAMEWORKS)


def _module_of(node: fx.Node) -> str:
    """The innermost module, by its class and its place in the model."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if not stack:
        return ""
    place, kind = stack[-1]
    name = (kind if isinstance(kind, str) else kind.__qualname__).rpartition(".")[2]
    return f" ({name} at {place.removeprefix(_WRAPPER)})"
