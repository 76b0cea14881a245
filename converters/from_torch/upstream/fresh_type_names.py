"""Names TorchScript types by the model alone, not by what else the process has made."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

import torch
from torch.jit import _recursive, _state


@contextmanager
def fresh_type_names() -> Generator[None]:
    """Give what is scripted and traced within a compilation unit of its own.

    torch 2.13 keeps every type of a process in one unit and numbers those of one name (___torch_mangle_3), so that a
    second conversion of the same model would give another file. What was scripted before keeps its own unit, as
    anything loaded with torch.jit.load does; torch's caches name functions and types of a unit, so they change with it.
    """
    unit = torch._C.CompilationUnit()
    of_state: dict[str, Any] = {
        "_python_cu": unit,
        "_script_classes": {},
        "_name_to_pyclass": {},
        "_jit_caching_layer": WeakKeyDictionary(),
        "_jit_function_overload_caching": WeakKeyDictionary(),
    }
    of_recursion: dict[str, Any] = {"_python_cu": unit, "concrete_type_store": _recursive.ConcreteTypeStore()}
    with ExitStack() as within:
        for module, values in ((_state, of_state), (_recursive, of_recursion)):
            for name, value in values.items():
                within.enter_context(patch.object(module, name, value))
        yield
