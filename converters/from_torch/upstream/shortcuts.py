"""All the changes that make lowering quicker and leave every byte of the artifact as it was."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from .idle_decompositions import idle_decompositions
from .known_composites import known_composites
from .lazy_code import lazy_code
from .needed_passes import needed_passes
from .plain_traces import plain_traces
from .shared_provenance import shared_provenance
from .unchanged_nodes import unchanged_nodes

_SHORTCUTS = (
    lazy_code,
    shared_provenance,
    known_composites,
    idle_decompositions,
    plain_traces,
    needed_passes,
    unchanged_nodes,
)


@contextmanager
def shortcuts() -> Generator[None]:
    """Within the block, upstream's repeated work is left out."""
    with ExitStack() as stack:
        for shortcut in _SHORTCUTS:
            stack.enter_context(shortcut())
        yield
