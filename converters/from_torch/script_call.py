"""A module from a TorchScript file, called with the arguments that its own code declares."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch._export.converter import TS2EPConverter
from torch.jit._fuser import optimized_execution

from ..errors import ConversionError

_FIX = "for the other formats give the model's own code, whose weights can be this file's: --model file.py:function"
_IN_WORDS = {
    "prim::If": "a branch that depends on values",
    "prim::Loop": "a loop whose end depends on values",
    "prim::RaiseException": "a check that raises",
    "prim::fork": "a task of its own",
}


class ScriptCall(torch.nn.Module):
    """Calls `script`; if `keeps_state`, every call starts from the state that the file has."""

    def __init__(self, script: Any, *, keeps_state: bool) -> None:
        super().__init__()
        self.script = script
        self.keeps_state = keeps_state
        self.parameters_of_forward = _signature_of(script)
        self._program: torch.nn.Module | None = None
        forward = self.forward

        def declared(*args: Any, **kwargs: Any) -> Any:
            return forward(*args, **kwargs)

        declared.__signature__ = self.parameters_of_forward  # type: ignore[attr-defined] # which functions do not declare
        self.forward = declared  # type: ignore[method-assign]  # what input names are taken from

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the script returns."""
        ordered = self._ordered(args, kwargs)
        if self._program is not None:
            return self._program(*ordered)
        # The optimising executor rewrites a script while it runs, and gives other last digits from the third call on.
        with optimized_execution(should_optimize=False):
            return (copy.deepcopy(self.script) if self.keeps_state else self.script)(*ordered)

    def _ordered(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        bound = self.parameters_of_forward.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.args

    @contextmanager
    def recorded(self, calls: list[tuple[tuple[Any, ...], dict[str, Any]]]) -> Generator[None]:
        """Within, the arguments of every call are kept in `calls`."""
        handle = self.register_forward_pre_hook(lambda _, args, kwargs: calls.append((args, kwargs)), with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    @contextmanager
    def as_program(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Generator[None]:
        """Calls go to the exported program of the script within; ConversionError if it cannot be made of it."""
        if self.keeps_state:
            raise ConversionError(
                "only TorchScript can hold this program: it keeps a state between calls, and the other formats hold "
                "functions of their inputs",
                fix=_FIX,
            )
        program = _program_of(self.script, self._ordered(args, kwargs))
        script = self.script
        del self.script
        self._program = program
        try:
            yield
        finally:
            self._program = None
            self.script = script


def script_in(module: torch.nn.Module) -> ScriptCall | None:
    """The script that a module calls, or None if it calls none."""
    return next((part for part in module.modules() if isinstance(part, ScriptCall)), None)


@contextmanager
def script_as_program(module: torch.nn.Module, examples: tuple[torch.Tensor, ...]) -> Generator[None]:
    """Within, the script that a module calls, if any, is an exported program, made of it for these inputs."""
    script = script_in(module)
    if script is None:
        yield
        return
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    with script.recorded(calls), torch.no_grad():
        module(*examples)
    with script.as_program(*calls[0]):
        yield


def _signature_of(script: Any) -> inspect.Signature:
    declared = script.forward.schema.arguments[1:]  # without the module itself
    return inspect.Signature(
        [
            inspect.Parameter(
                argument.name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=argument.default_value if argument.has_default_value() else inspect.Parameter.empty,
            )
            for argument in declared
        ]
    )


def _program_of(script: Any, args: tuple[Any, ...]) -> torch.nn.Module:
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # about itself, and about weights that no result depends on
            program: Any = TS2EPConverter(script, args, {}).convert()
            module: Any = program.module(check_guards=False)
    except Exception as error:
        raise ConversionError(
            "only TorchScript can hold this program: torch's converter from TorchScript to exported programs stops "
            f"at {_reason(error)}",
            fix=_FIX,
        ) from error
    module.train = module.eval = lambda *_: module  # a program has one mode, and torch raises if asked for another
    return module


def _reason(error: Exception) -> str:
    text = str(error).strip()
    for kind, words in _IN_WORDS.items():
        if kind in text:
            return f"{words} ({kind})"
    return text.splitlines()[0][:300] if text else type(error).__name__
