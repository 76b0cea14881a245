"""Writes the Python code of a graph module when somebody calls it, not whenever its graph changes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from torch import fx
from torch.fx.graph import _PyTreeCodeGen


@contextmanager
def lazy_code() -> Generator[None]:
    """Put GraphModule.recompile off until the module is called or its code is read.

    A lowering changes a graph and compiles its code anew about a thousand times, and calls that code a dozen
    times: everything else interprets the graph. torch has the same idea (_LazyGraphModule), for inductor alone.
    """
    compile_now, code_now = fx.GraphModule.recompile, fx.GraphModule.code

    def compile_later(module: Any) -> None:
        if isinstance(module._graph._codegen, _PyTreeCodeGen):
            tree = module._graph._codegen.pytree_info
            module._in_spec, module._out_spec = tree.in_spec, tree.out_spec
        module.__dict__.setdefault("_code", "")
        type(module).forward = compile_and_call

    def compile_and_call(module: Any, *args: Any, **kwargs: Any) -> Any:
        compile_now(module)
        return module(*args, **kwargs)

    def compile_and_read(module: Any) -> str:
        if type(module).forward is compile_and_call:
            compile_now(module)
        return code_now.fget(module)  # type: ignore[attr-defined]

    with (
        patch.object(fx.GraphModule, "recompile", compile_later),
        patch.object(fx.GraphModule, "code", property(compile_and_read)),
    ):
        yield
