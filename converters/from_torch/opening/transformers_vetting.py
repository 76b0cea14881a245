"""Reads a Transformers folder's config.json as text, and refuses what would run code or fetch it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import ConversionError, SourceError, UnsafeInput
from ...source import Trust

CONFIG = "config.json"
_LARGEST_CONFIG = 16 << 20
_DEEPEST = 50
_COUNTED = re.compile(r"layer(s|_num)?$|blocks?$|depths?$|heads?$|experts?$|stages?$|groups?$")
_MOST_PARTS = 10_000
_TRUST = "read the Python files in the folder; if you trust whoever wrote them: --trust-remote-code"
# A kernel's name with a slash is a repository whose compiled code Transformers would fetch and run.
_KERNELS = ("attn_implementation", "experts_implementation", "kernel_config", "use_kernels")


def vetted_config(folder: Path, trust: tuple[Trust, ...]) -> dict[str, Any]:
    """The text of config.json, decoded; raises SourceError, UnsafeInput or ConversionError.

    `auto_map` and Python files are allowed with Trust.REMOTE_CODE; kernels from a repository never are.
    """
    config = _read(folder / CONFIG)
    kernels = [
        f"{where}={value!r}"
        for where, value in _settings(config)
        if any(name in where for name in _KERNELS) and (not isinstance(value, str) or "/" in value) and value
    ]
    if kernels:
        raise UnsafeInput(
            f"{folder.name}/{CONFIG} asks for compiled code from elsewhere: {', '.join(kernels[:3])}",
            fix=f"take that out of {CONFIG}: the models run without it",
        )
    if Trust.REMOTE_CODE not in trust:
        _refuse_code(folder, config)
    _refuse_counts(folder, config)
    if config.get("quantization_config"):
        raise ConversionError(
            f"{folder.name} holds quantised weights ({CONFIG} has quantization_config), and float32 ones are needed",
            fix="convert the model that was quantised",
        )
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_CONFIG + 1)
        config = json.loads(data) if len(data) <= _LARGEST_CONFIG else None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}", fix="check the folder") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is not valid JSON: {error}", fix="fetch or save the model again") from error
    if not isinstance(config, dict):
        raise SourceError(
            f"{path} holds no configuration of a model",
            fix="save the model with save_pretrained(), and name its folder",
        )
    return config


def _refuse_code(folder: Path, config: dict[str, Any]) -> None:
    maps = sorted(where for where, value in _settings(config) if where.rpartition(".")[2] == "auto_map" and value)
    if maps:
        raise UnsafeInput(f"{folder.name}/{CONFIG} names Python code to run ({', '.join(maps[:3])})", fix=_TRUST)
    scripts = sorted(file.name for file in folder.glob("*.py"))
    if scripts:
        raise UnsafeInput(f"{folder.name} holds Python code beside the weights: {', '.join(scripts[:3])}", fix=_TRUST)


def _refuse_counts(folder: Path, config: dict[str, Any]) -> None:
    """A damaged number of layers would have Transformers build parts until time or memory ends."""
    for where, value in _settings(config):
        counts = value if isinstance(value, list) else [value]
        most = max((count for count in counts if isinstance(count, int)), default=0)
        if most > _MOST_PARTS and _COUNTED.search(where.rpartition(".")[2]):
            raise SourceError(
                f"{folder.name}/{CONFIG} asks for {most:,} parts ({where})", fix="fetch or save the model again"
            )


def _settings(value: Any, where: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every entry of every mapping, however deep, by its dotted path."""
    if depth > _DEEPEST:
        raise SourceError(f"{CONFIG} is nested more than {_DEEPEST} deep", fix="fetch or save the model again")
    if isinstance(value, dict):
        for key, inner in value.items():
            path = f"{where}.{key}" if where else key
            yield path, inner
            yield from _settings(inner, path, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _settings(item, where, depth + 1)
