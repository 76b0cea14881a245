"""Opens a TorchScript archive whose code was vetted."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from ...checkpoints.opening import damage_named
from ...errors import InputError, SourceError
from ...source import Source
from ..script_call import ScriptCall
from .matching import first_line
from .opened import Opened
from .torchscript_vetting import check_file, check_module, keeps_state

_STATE = "the module keeps a state between calls: every judged call starts from the state that the file has"


def open_script(source: Source) -> Opened:
    """The module, called as its code declares; UnsafeInput for code that is not admitted, SourceError if damaged."""
    script = open_checked(Path(source.path or ""))
    if not source.inputs:
        raise _inputs_wanted(script)
    stateful = keeps_state(script)
    return Opened(module=ScriptCall(script, keeps_state=stateful).eval(), notes=(_STATE,) if stateful else ())


def _inputs_wanted(script: Any) -> InputError:
    declared = [(argument.name, str(argument.type)) for argument in script.forward.schema.arguments[1:]]
    specs = [
        f'--input "{name}:{"float32[1,...]" if "Tensor" in kind else "int64[]{0..1}"}"'
        for name, kind in declared
        if kind != "NoneType"
    ]
    return InputError(
        "TorchScript does not tell the sizes of its inputs: forward takes "
        + (", ".join(f"{name}: {kind}" for name, kind in declared) or "none"),
        fix=f"give them: {' '.join(specs) or 'a model with inputs'}",
    )


def open_checked(path: Path) -> Any:
    """The ScriptModule, its code checked by its text before and by its graph after it is loaded."""
    with damage_named(path, "TorchScript archive"):
        check_file(path)
    script = _loaded(path)
    check_module(script)
    return script


def _loaded(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            # torch calls TorchScript deprecated on every load; whoever has such a file knows.
            warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)
            script = torch.jit.load(path, map_location="cpu")
        script.forward.schema  # noqa: B018 (raises if there is no forward)
    except Exception as error:
        raise SourceError(
            f"{path} cannot be opened as TorchScript: {type(error).__name__}: {first_line(error)}",
            fix="save it again with torch.jit.save, or fetch it again",
        ) from error
    return script
