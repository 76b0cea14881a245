"""Sets stored weights beside a model's own keys: strictly, with counts and examples of what does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

Shape = tuple[int, ...] | None  # None for a tensor whose model does not know it yet (a lazy layer)

_SHOWN = 5
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.", "_forward_module.")
_DEEPEST = 4  # "module._orig_mod.model." is three
_COUNTER = "num_batches_tracked"  # torch before 0.4.1 did not store it, and nothing computes with it at inference


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How stored weights and a model's keys compare, with `prefix` taken off the stored ones."""

    prefix: str
    matching: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: tuple[str, ...]
    counters: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every key and every shape matches."""
        return not (self.missing or self.unexpected or self.misshaped)

    def findings(self) -> str:
        """What does not match, counted and with examples."""
        texts = [
            listed("missing", self.missing),
            listed("unexpected", self.unexpected),
            listed("mis-shaped", self.misshaped),
        ]
        return "; ".join(text for text in texts if text)


def fit(have: Mapping[str, Shape], want: Mapping[str, Shape]) -> Fit:
    """The best fit: as they are, or without a wrapper's prefix that all stored keys share."""
    fits = [_fit(have, want, prefix) for prefix in _prefixes(have)]
    return max(fits, key=lambda found: (found.whole, found.matching, -len(found.prefix)))


def prefix_that_fits(have: Mapping[str, Shape], want: Mapping[str, Shape]) -> str | None:
    """A sentence on the prefix which, taken off or put on, makes all keys match; None if there is none."""
    for prefix in dict.fromkeys(key.partition(".")[0] + "." for key in have):
        if {name.removeprefix(prefix) for name in have} == set(want):
            return f"every key matches without the prefix {prefix!r}: strip it from the keys and save again"
    for prefix in dict.fromkeys(key.partition(".")[0] + "." for key in want):
        if {prefix + name for name in have} == set(want):
            return f"every key matches with the prefix {prefix!r}: the weights belong to the part {prefix[:-1]!r}"
    return None


def listed(what: str, keys: tuple[str, ...] | list[str]) -> str:
    """How many keys, and the first few: "3 missing (a, b, c)"; "" for none."""
    return f"{len(keys)} {what} ({few(keys)})" if keys else ""


def few(keys: Sequence[str]) -> str:
    """The first keys, and how many more there are: "a, b and 3 more"."""
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"{', '.join(islice(keys, _SHOWN))}{more}"


def first_line(error: BaseException) -> str:
    """What an error says, without the lines that follow."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _prefixes(have: Mapping[str, Shape]) -> Iterator[str]:
    """The empty one, and every wrapper around wrapper that all keys start with."""
    prefix = ""
    yield prefix
    for _ in range(_DEEPEST):
        first = next(iter(have), "")
        wrapper = next((text for text in _WRAPPERS if first.startswith(prefix + text)), None)
        if wrapper is None:
            return
        prefix += wrapper
        if all(key.startswith(prefix) for key in have):
            yield prefix


def _fit(have: Mapping[str, Shape], want: Mapping[str, Shape], prefix: str) -> Fit:
    stripped = {key.removeprefix(prefix): shape for key, shape in have.items()}
    absent = [key for key in want if key not in stripped]
    counters = tuple(key for key in absent if key.rpartition(".")[2] == _COUNTER and len(absent) < len(want))
    misshaped = [key for key, shape in want.items() if key in stripped and shape not in (None, stripped[key])]
    return Fit(
        prefix=prefix,
        matching=len(want) - len(absent) - len(misshaped),
        missing=tuple(key for key in absent if key not in counters),
        unexpected=tuple(key for key in stripped if key not in want),
        misshaped=tuple(f"{key} {_sizes(stripped[key])} for {_sizes(want[key])}" for key in misshaped),
        counters=counters,
    )


def _sizes(shape: Shape) -> str:
    return "x".join(str(size) for size in shape or ()) or "scalar"
