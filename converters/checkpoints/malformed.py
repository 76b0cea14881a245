"""How a reader says that bytes make no sense, and how long it may look at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")
_MOST_ELEMENTS = 4_000_000


class Malformed(Exception):
    """The bytes contradict themselves: the file is damaged, cut off, or of another kind."""


class Refused(Exception):
    """The bytes ask for something that is not allowed; `what` goes on from its name ("asks for ...")."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Budget:
    """Bounds the work spent on one file, because offsets in a damaged file may lead round and round.

    A sound file stores every element in bytes of its own, so it never has more elements than bytes.
    """

    __slots__ = ("_left",)

    def __init__(self, size: int) -> None:
        self._left = min(2 * size + 1000, _MOST_ELEMENTS)

    def spend(self, elements: int) -> None:
        """Take `elements` from what is left; raises Malformed when there is not enough."""
        self._left -= elements
        if self._left < 0:
            raise Malformed("it lists more elements than a file of its size can hold")


def pick(items: Sequence[_T], index: int, what: str) -> _T:
    """The item at an index that a file names; raises Malformed when there is none."""
    if not 0 <= index < len(items):
        raise Malformed(f"it refers to {what} {index}, and there are {len(items)}")
    return items[index]
