"""Makes programs with fixed sizes of one with open sizes, at sizes that tell the open ones from all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx.traceback import preserve_node_meta

from .recurrent_shapes import quick_recurrent_cells, whole_recurrent_layers

# How far above the smallest allowed size others are looked for.
_RANGE = 32
# Below it a size is likely to be some other one's too: a kernel's, an axis's number, a rank.
_TELLING = 5
# What remains of three sizes divided by 4. Strided windows end differently on even and on odd sizes, and a model may
# pad to a multiple of 2 or 4.
MIXED, EVEN, ODD = (2, 1, 0), (2, 0, 2), (1, 3, 1)


def has_open_sizes(program: ExportedProgram) -> bool:
    """Whether an input of the program has a size that is not fixed."""
    return bool(_bounds(program))


def example_shapes(program: ExportedProgram) -> Iterator[list[int]]:
    """The shapes of the inputs that a caller gives; an open size is the example's."""
    given = set(program.graph_signature.user_inputs)
    for node in program.graph.find_nodes(op="placeholder"):
        if node.name in given:
            yield [size if isinstance(size, int) else int(size.node.hint) for size in node.meta["val"].shape]


def sizes_to_compare(program: ExportedProgram, remainders: Sequence[int]) -> list[dict[str, int]]:
    """Three sizes of every open dimension, by its symbol, each within its bounds and unlike other sizes.

    `remainders` are kept to where the bounds allow. Where the bounds have no room for three, there are two, and
    the last is the largest allowed: a size of 1 is used only if it must, as converters simplify where they see one.
    """
    fixed = set(_fixed_sizes(program))
    chosen: dict[str, list[int]] = {}
    for symbol, bounds in _bounds(program).items():
        others = {size for found in chosen.values() for size in found}
        chosen[symbol] = _telling_sizes(bounds, remainders, fixed, others)
    count = min(len(found) for found in chosen.values())
    return [{symbol: found[index] for symbol, found in chosen.items()} for index in range(count)]


def smallest_sizes(program: ExportedProgram) -> dict[str, int]:
    """Every open dimension at its lower bound, by its symbol."""
    return {symbol: low for symbol, (low, _) in _bounds(program).items()}


def largest_sizes(program: ExportedProgram) -> dict[str, int]:
    """Every open dimension at its upper bound, by its symbol."""
    return {symbol: high for symbol, (_, high) in _bounds(program).items()}


def at_sizes(program: ExportedProgram, sizes: Mapping[str, int]) -> ExportedProgram:
    """The program with its open dimensions fixed; its nodes still tell the lines of the model they come from."""
    inputs = tuple(_example(value, sizes) for value in _inputs(program))
    with whole_recurrent_layers(), quick_recurrent_cells(), preserve_node_meta():
        return torch.export.export(program.module(check_guards=False), inputs, strict=False)


def _telling_sizes(bounds: tuple[int, int], remainders: Sequence[int], fixed: set[int], others: set[int]) -> list[int]:
    """The sizes to use of one dimension: far from each other among those that other sizes equal least."""
    low, high = bounds
    found: list[int] = []
    for remainder, part in zip(remainders, (0.0, 1.0, 0.5), strict=True):
        drawbacks = {
            size: (
                size == 1,
                size in others,
                (size - remainder) % 2 != 0,
                size in fixed,
                (size - remainder) % 4 != 0,
                size < _TELLING,
                not _is_prime(size // (2 - size % 2)),
            )
            for size in range(low, min(high, max(low, _TELLING) + _RANGE) + 1)
            if size not in found
        }
        best = [size for size, value in drawbacks.items() if value == min(drawbacks.values())]
        found += best[round(part * (len(best) - 1)) :][:1]
    return found if len(found) == len(remainders) and 1 not in found[-1:] else sorted(found[:2])


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def _bounds(program: ExportedProgram) -> dict[str, tuple[int, int]]:
    """The bounds of every open size of the inputs, by its symbol, in the inputs' order."""
    found: dict[str, tuple[int, int]] = {}
    for value in _inputs(program):
        for size in _shape(value):
            if not isinstance(size, int):
                allowed: Any = program.range_constraints[size.node.expr]
                found[str(size)] = int(allowed.lower), int(allowed.upper)
    return found


def _inputs(program: ExportedProgram) -> Iterator[torch.Tensor]:
    names = set(program.graph_signature.user_inputs)
    for node in program.graph.find_nodes(op="placeholder"):
        if node.name in names:
            yield node.meta["val"]


def _fixed_sizes(program: ExportedProgram) -> Iterator[int]:
    """All fixed sizes of the program's tensors."""
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor):
            yield from (size for size in _shape(value) if isinstance(size, int))


def _example(value: torch.Tensor, sizes: Mapping[str, int]) -> torch.Tensor:
    shape = [size if isinstance(size, int) else sizes[str(size)] for size in _shape(value)]
    return torch.zeros(shape, dtype=value.dtype)


def _shape(value: torch.Tensor) -> list[Any]:
    """Numbers, and symbols for open sizes."""
    return list(value.shape)
