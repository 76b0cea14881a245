"""From what the user typed to a Source, without importing the user's code or a framework."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.machinery import PathFinder
from pathlib import Path

from .checkpoints.folders import index_in
from .checkpoints.modules import modules_in
from .checkpoints.recognise import FileKind, recognise
from .checkpoints.torch_checkpoint import read_torch_checkpoint
from .errors import SourceError, UnsafeInput, UsageError
from .source import Framework, Opening, Source, SourceKind, Trust

_TORCH_PACKAGES = frozenset({"torch", "torchvision", "timm", "transformers", "lightning", "safetensors"})
_KERAS_PACKAGES = frozenset({"keras", "tensorflow", "tf_keras"})
_KERAS_2 = "tf_keras"
_SAYS_NOTHING = frozenset({"model", "weights", "checkpoint", "pytorch_model", "state_dict"})
_HOLD_KEYS = (SourceKind.STATE_DICT, SourceKind.PICKLED_MODULE)
_SAFETENSORS = (FileKind.SAFETENSORS, FileKind.SAFETENSORS_INDEX)
_WEIGHTS = (FileKind.TORCH_ZIP, FileKind.TORCH_PICKLE, FileKind.TORCH_TAR, *_SAFETENSORS)
_WHOLE_MODELS = {
    FileKind.KERAS: (SourceKind.KERAS_FILE, Framework.KERAS),
    FileKind.HDF5: (SourceKind.KERAS_HDF5, Framework.KERAS),
    FileKind.EXPORTED_PROGRAM: (SourceKind.EXPORTED_PROGRAM, Framework.TORCH),
    FileKind.SAVED_MODEL: (SourceKind.SAVED_MODEL, Framework.TENSORFLOW),
    FileKind.TRANSFORMERS: (SourceKind.TRANSFORMERS, Framework.TORCH),
}


def resolve(  # noqa: PLR0913 (what the command line says about a source, keyword-only)
    text: str,
    *,
    model: str | None = None,
    model_args: dict[str, str] | None = None,
    inputs: tuple[str, ...] = (),
    framework: Framework | None = None,
    opening: Opening | None = None,
) -> Source:
    """The source that `text` names: a checkpoint file or a factory ("pkg.mod:fn", "file.py:fn").

    Raises SourceError if the file is missing, broken or needs `model`, UsageError if the framework of a
    factory cannot be told.
    """
    arguments = tuple((model_args or {}).items())
    if _is_factory(text):
        factory = _absolute_factory(text)
        return Source(
            name=_name_of_factory(text),
            framework=framework or framework_of_factory(text),
            kind=SourceKind.FACTORY,
            factory=factory,
            factory_args=arguments,
            inputs=inputs,
        )
    if text.endswith(".py") and Path(text).is_file():
        raise UsageError(f"{text} is Python code", fix=f"name the function in it that builds the model: {text}:build")
    path, held = _located(Path(text))
    opening = _placed(opening or Opening())
    kind, found = _kind_of_checkpoint(path, held, model, opening)
    _refuse_key(path, kind, opening)
    return Source(
        name=_name_of(path.resolve()),
        framework=found,
        kind=kind,
        path=str(path.resolve()),
        factory=_architecture(model, found) if model else None,
        factory_args=arguments,
        inputs=inputs,
        opening=opening,
    )


def _architecture(model: str, framework: Framework) -> str:
    """What builds the architecture that weights belong to; for Keras it may be what model.to_json() wrote."""
    if not model.endswith(".json") or framework is not Framework.KERAS:
        return _absolute_factory(model)
    if not Path(model).is_file():
        raise SourceError(f"{model} does not exist", fix="check the path of the architecture's file")
    return str(Path(model).resolve())


def _located(path: Path) -> tuple[Path, FileKind]:
    """What is opened, and its kind: a SavedModel is its folder, shards are their index."""
    kind = recognise(path)
    if kind is FileKind.SAVED_MODEL and not path.is_dir():
        return path.absolute().parent, kind
    if kind is FileKind.SAFETENSORS_INDEX and path.is_dir():
        return index_in(path), kind
    return path, kind


def _kind_of_checkpoint(
    path: Path, kind: FileKind, model: str | None, opening: Opening
) -> tuple[SourceKind, Framework]:
    if kind in _WHOLE_MODELS:
        return _WHOLE_MODELS[kind]
    if kind is FileKind.KERAS_JSON:
        raise SourceError(
            f"{path} is an architecture without weights",
            fix=f"name the file of its weights, and the architecture beside it: WEIGHTS.h5 --model {path}",
        )
    if kind is FileKind.TORCHSCRIPT:
        return (SourceKind.STATE_DICT if model else SourceKind.TORCHSCRIPT), Framework.TORCH
    if kind in _WEIGHTS:
        return (SourceKind.STATE_DICT if model else _kind_without_model(path, kind, opening)), Framework.TORCH
    raise SourceError(
        f"{path} holds an artifact or a finished program ({kind}), not a source to convert",
        fix="convert the checkpoint that it was made from; `edgeproof inspect` shows what is in it",
    )


def _kind_without_model(path: Path, kind: FileKind, opening: Opening) -> SourceKind:
    """A pickled module, if the user trusts it; whatever else holds weights needs its architecture."""
    modules = {} if kind in _SAFETENSORS else modules_in(read_torch_checkpoint(path).root)
    if modules and Trust.PICKLE in opening.trust:
        return SourceKind.PICKLED_MODULE
    if modules:
        classes = ", ".join(dict.fromkeys(modules.values()))
        raise UnsafeInput(
            f"{path} holds a pickled module ({classes}), and opening it would run code that the file names",
            fix="give the architecture, and the weights are taken from the file: --model path/to/model.py:build; "
            "or, if you trust whoever made the file: --trust-pickle",
        )
    raise SourceError(
        f"{path} holds weights ({kind}), but not the architecture they belong to",
        fix=f"name the function that builds it: --model path/to/model.py:build (for {path.name})",
    )


def _refuse_key(path: Path, kind: SourceKind, opening: Opening) -> None:
    if opening.weights is not None and kind not in _HOLD_KEYS:
        raise UsageError(
            f"--weights {opening.weights} names a place in a torch checkpoint, and {path} is none ({kind})",
            fix="leave out --weights",
        )


def _is_factory(text: str) -> bool:
    place, colon, function = text.rpartition(":")
    return bool(colon and place and function.isidentifier()) and not Path(text).exists()


def _absolute_factory(text: str) -> str:
    """A file's factory by its full path, since workers start elsewhere; a module's as it is."""
    place, _, function = text.rpartition(":")
    if not place:
        raise UsageError(f"{text!r} is not a factory", fix="write pkg.module:function or path/file.py:function")
    if not place.endswith(".py"):
        return text
    if not Path(place).is_file():
        raise SourceError(f"{place} does not exist", fix="check the path of the factory's file")
    return f"{Path(place).resolve()}:{function}"


def framework_of_factory(factory: str) -> Framework:
    """Which framework the factory's file imports, read from its text; UsageError if none or both."""
    place = factory.rpartition(":")[0]
    path = Path(place) if place.endswith(".py") else _file_of_module(place)
    if path is None or not path.is_file():
        raise SourceError(
            f"no module {place!r} found from here", fix="check the name, or write path/to/file.py:function"
        )
    try:
        imported = set(_imports_of(ast.parse(path.read_text(encoding="utf-8"))))
    except SyntaxError as error:
        raise SourceError(f"{path} is not valid Python: {error}", fix="correct the file") from error
    if _KERAS_2 in imported and not imported & {*_TORCH_PACKAGES, "keras"}:
        return Framework.TENSORFLOW
    torch, keras = bool(imported & _TORCH_PACKAGES), bool(imported & _KERAS_PACKAGES)
    if torch == keras:
        seen = "both torch and keras" if torch else "neither torch nor keras"
        raise UsageError(f"{path} imports {seen}", fix="say which: --framework torch or --framework keras")
    return Framework.TORCH if torch else Framework.KERAS


def _file_of_module(name: str) -> Path | None:
    """Where a module's file is, walking packages without importing them."""
    search: list[str] | None = [str(Path.cwd()), *sys.path]
    spec = None
    parts = name.split(".")
    for depth in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: depth + 1]), search)
        if spec is None:
            return None
        search = list(spec.submodule_search_locations or [])
    return Path(spec.origin) if spec and spec.origin else None


def _imports_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _name_of_factory(factory: str) -> str:
    place, _, function = factory.rpartition(":")
    return _name_of(Path(place).resolve()) if place.endswith(".py") else _slug(function)


def _name_of(path: Path) -> str:
    """The file's stem, or its folder's name where the stem says nothing."""
    return _slug(path.parent.name if path.stem in _SAYS_NOTHING and path.parent.name else path.stem)


def _slug(stem: str) -> str:
    """A name that is safe in file names."""
    kept = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in stem)
    return kept.strip("-") or "model"


def _placed(opening: Opening) -> Opening:
    """With the full path of the file of custom objects, since workers start elsewhere; a module's name as it is."""
    names = opening.custom_objects
    if names is None:
        return opening
    place, _, rest = names.rpartition(":")
    if not place or not rest:
        raise UsageError(f"--custom-objects {names} names nothing", fix="write path/to/file.py:Name,Name")
    if not place.endswith(".py"):
        return opening
    if not Path(place).is_file():
        raise SourceError(f"{place} does not exist", fix="check the path after --custom-objects")
    return replace(opening, custom_objects=f"{Path(place).resolve()}:{rest}")
