"""Sets stored weights beside a model's own keys: strictly, with counts and examples of what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import torch

from ...errors import SourceError

_SHOWN = 5
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "_forward_module.", "network.", "backbone.", "encoder.")
_DEEPEST = 4  # "module._orig_mod.model." is three


def require_match(name: str, weights: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    """Raise SourceError with all that differs, and what would help, unless keys and shapes are the same."""
    missing = [key for key in wanted if key not in weights]
    unexpected = [key for key in weights if key not in wanted]
    misshaped = [key for key in wanted if key in weights and wanted[key].shape != weights[key].shape]
    if not (missing or unexpected or misshaped):
        return
    findings = [
        listed("missing", missing),
        listed("unexpected", unexpected),
        listed("mis-shaped", [f"{key} {_sizes(weights[key])} for {_sizes(wanted[key])}" for key in misshaped]),
    ]
    raise SourceError(
        f"{name} does not fit the model ({len(weights)} keys for {len(wanted)}): "
        + "; ".join(text for text in findings if text),
        fix=_prefix_that_fits(list(weights), list(wanted))
        or "build the architecture these weights were trained with (--model, --model-arg)",
    )


def prefix_to_strip(have: list[str], want: set[str]) -> str | None:
    """The wrappers' prefix ("module.model.") without which exactly those keys are left; "" if they are now."""
    if set(have) == want:
        return ""
    prefix = ""
    for _ in range(_DEEPEST):
        wrapper = next((text for text in _WRAPPERS if have and have[0].startswith(prefix + text)), None)
        if wrapper is None:
            return None
        prefix += wrapper
        if all(key.startswith(prefix) for key in have) and {key.removeprefix(prefix) for key in have} == want:
            return prefix
    return None


def _prefix_that_fits(have: list[str], want: list[str]) -> str | None:
    """A sentence on the prefix which, taken off or put on, makes all keys match; None if there is none."""
    for prefix in {key.partition(".")[0] + ".": None for key in have}:
        if {name.removeprefix(prefix) for name in have} == set(want):
            return f"every key matches without the prefix {prefix!r}: strip it from the keys and save again"
    for prefix in {key.partition(".")[0] + ".": None for key in want}:
        if {prefix + name for name in have} == set(want):
            return f"every key matches with the prefix {prefix!r}: the weights belong to the part {prefix[:-1]!r}"
    return None


def listed(what: str, keys: list[str]) -> str:
    """How many keys, and the first few: "3 missing (a, b, c)"; "" for none."""
    if not keys:
        return ""
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"{len(keys)} {what} ({', '.join(islice(keys, _SHOWN))}{more})"


def first_line(error: BaseException) -> str:
    """What an error says, without the lines that follow."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _sizes(tensor: torch.Tensor) -> str:
    return "x".join(str(size) for size in tensor.shape) or "scalar"
