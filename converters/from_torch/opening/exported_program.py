"""Opens a `.pt2` file by vetting its JSON and reading its tensors: torch.export.load unpickles, and runs text."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch._export.serde import schema
from torch._export.serde.serialize import ExportedProgramDeserializer, _dict_to_dataclass

from ...checkpoints.archives import CheckedZip
from ...checkpoints.malformed import Malformed
from ...checkpoints.opening import damage_named
from ...errors import EdgeproofError, SourceError, UnsafeInput
from ...source import Source, Trust
from .matching import first_line
from .opened import Opened
from .program_payload import ProgramArchive
from .program_vetting import vetted

_MODELS = "models/"
_COMPILED = "data/aotinductor/"
_NOTE = "opened by torch.export.load, as --trust-pickle allowed"


def open_program(source: Source) -> Opened:
    """The program as a module, with its example inputs.

    Raises UnsafeInput if it holds compiled code, objects or names that are not admitted, SourceError if it is damaged.
    """
    path = Path(source.path or "")
    with damage_named(path, "exported program"), CheckedZip(path) as archive, TemporaryDirectory() as scratch:
        members = ProgramArchive(archive, Path(scratch))
        _refuse_compiled(path, members)
        if Trust.PICKLE in source.opening.trust:
            return _as_module(_trusted(path), _NOTE)
        return _as_module(_program(path, members))


def _refuse_compiled(path: Path, members: ProgramArchive) -> None:
    compiled = [name for name in members.names() if name.startswith(_COMPILED) or name.endswith((".so", ".dylib"))]
    if compiled:
        raise UnsafeInput(
            f"{path.name} holds compiled code ({compiled[0]}), which no option allows to run",
            fix="save the exported program alone: torch.export.save(program, 'model.pt2')",
        )


def _program(path: Path, members: ProgramArchive) -> torch.export.ExportedProgram:
    models = [name for name in members.names() if name.startswith(_MODELS) and name.endswith(".json")]
    if len(models) != 1:
        raise SourceError(
            f"{path.name} holds {len(models)} exported programs ({', '.join(models[:5])}), expected one",
            fix="save it again with torch.export.save(program, 'model.pt2') under this torch version",
        )
    if members.text("archive_version").strip() not in {"", "0"} or members.text("byteorder").strip() == "big":
        raise Malformed("it was written by another version of torch, or on a machine of another byte order")
    model = models[0].removeprefix(_MODELS).removesuffix(".json")
    described = vetted(members.json(models[0]))
    weights = _with_parameters(members.tensors("weights", model), described)
    constants = members.tensors("constants", model)
    examples = members.examples(model)
    try:
        program = _dict_to_dataclass(schema.ExportedProgram, described)
        # Handed over as dictionaries and tuples, tensors and examples never reach torch's unpickler.
        return ExportedProgramDeserializer().deserialize(program, weights, constants, examples)
    except EdgeproofError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from error


def _with_parameters(weights: dict[str, torch.Tensor], described: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights, as parameters where the program calls them that: plain state_dicts do not tell."""
    match described:
        case {"graph_module": {"signature": {"input_specs": [*specs]}}}:
            pass
        case _:
            return weights
    found = dict(weights)
    for spec in specs:
        match spec:
            case {"parameter": {"parameter_name": str(name)}} if name in found:
                found[name] = torch.nn.Parameter(found[name], requires_grad=False)
            case _:
                continue
    return found


def _trusted(path: Path) -> torch.export.ExportedProgram:
    try:
        return torch.export.load(path)
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"{path} cannot be read as an exported program: {type(error).__name__}: {_last_words(error)}",
        fix="save it again with torch.export.save under this torch version",
    )


def _last_words(error: Exception) -> str:
    """What went wrong, which torch wraps in a whole traceback where it met a node: the last line says it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if len(lines) > 1 and "Traceback" in str(error) else first_line(error)


def _as_module(program: torch.export.ExportedProgram, *notes: str) -> Opened:
    # Guards are Python that torch would write from the names of the inputs; the inputs' sizes are checked all the same.
    module: Any = program.module(check_guards=False)
    module.train = module.eval = lambda *_: (
        module
    )  # a program has one mode, and torch raises if it is asked for another
    return Opened(module=module, examples=program.example_inputs, notes=notes)
