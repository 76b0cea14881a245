"""Tells which line of the model's Python a node of an exported program comes from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch import fx

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)')
_FRAMEWORKS = tuple(f"/site-packages/{name}/" for name in ("torch", "executorch", "keras"))
_OURS = str(Path(__file__).parents[1])
_WRAPPER = "module."
LAYER = "layer"  # the annotation with the layer's name, where layers are not modules that torch.export sees


def line_of(node: fx.Node) -> str:
    """The text " (net.py:12, in forward)" for the innermost frame of the user's, " (Conv3d at features.0)" if none is.

    "" if neither is known.
    """
    frame = frame_of(node)
    return f" ({frame})" if frame else _module_of(node)


def frame_of(node: fx.Node) -> str:
    """The innermost frame of the user's: "net.py:12, in forward"; "" if none is known."""
    frames = _FRAME.finditer(str(node.meta.get("stack_trace") or ""))
    users = [frame for frame in frames if not _is_foreign(frame["file"])]
    return f"{Path(users[-1]['file']).name}:{users[-1]['line']}, in {users[-1]['function']}" if users else ""


def module_of(node: fx.Node) -> str:
    """The place of the innermost module in the model: "features.0"; "" for the model itself."""
    layer = (node.meta.get("custom") or {}).get(LAYER)
    if isinstance(layer, str):
        return layer
    path = _stack_of(node)[-1][0].removeprefix(_WRAPPER) if _stack_of(node) else ""
    return path if _is_named(path) else ""


def place_of(node: fx.Node) -> str:
    """The module's place and the line, "body.norm (net.py:12, in forward)", or one of them; "" if neither is known."""
    stack = _stack_of(node)
    path = stack[-1][0].removeprefix(_WRAPPER) if stack else ""
    line = line_of(node).strip()
    by_module = line.endswith(f" at {path})")
    if not _is_named(path):
        return "" if by_module else line.strip("()")
    return path if by_module else f"{path} {line}".strip()


def _is_named(path: str) -> bool:
    """Whether a path names a part of the model, and not the model itself, which we wrap."""
    return path not in ("", _WRAPPER.rstrip("."))


def _stack_of(node: fx.Node) -> list[tuple[str, Any]]:
    return list((node.meta.get("nn_module_stack") or {}).values())


def _is_foreign(file: str) -> bool:
    return file.startswith(_OURS) or any(part in file for part in _FRAMEWORKS)


def _module_of(node: fx.Node) -> str:
    """The innermost module, by its class and its place in the model."""
    stack = _stack_of(node)
    if not stack:
        return ""
    place, kind = stack[-1]
    name = (kind if isinstance(kind, str) else kind.__qualname__).rpartition(".")[2]
    return f" ({name} at {place.removeprefix(_WRAPPER)})"
