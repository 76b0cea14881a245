"""Asks torch only once which composite operators it has."""

from __future__ import annotations

import functools
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from torch._export import utils
from torch.export import decomp_utils, exported_program


@contextmanager
def known_composites() -> Generator[None]:
    """Remember the answer of _collect_all_valid_cia_ops: torch 2.13 walks through every operator at each call.

    The set is asked for at every run_decompositions; libraries register their operators when they are
    imported, which is before a lowering starts.
    """
    found = functools.cache(utils._collect_all_valid_cia_ops)

    def copied() -> set[object]:
        return set(found())

    with ExitStack() as undo:
        for module in (utils, decomp_utils, exported_program):
            if hasattr(module, "_collect_all_valid_cia_ops"):
                undo.enter_context(patch.object(module, "_collect_all_valid_cia_ops", copied))
        yield
