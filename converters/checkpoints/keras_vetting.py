"""Reads what a Keras config asks to be built, before anything is: every class and function must be one of Keras' own.

Keras' own safe mode is no answer: it guards lambdas alone, only in .keras files, and a config has turned it off before
(CVE-2024-3660, CVE-2025-1550, CVE-2025-8747, CVE-2025-9905, CVE-2025-9906, CVE-2025-12058).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ..errors import UnsafeInput
from ..source import Opening, Trust
from .keras_names import ACTIVATIONS, LAYERS, OPERATIONS, PARTS
from .malformed import Malformed

_MODELS = frozenset({"Functional", "Model", "Sequential"})
_CLASSES = LAYERS | PARTS | OPERATIONS | _MODELS
# Plain values that JSON has no form of.
_VALUES = frozenset(
    "__tensor__ __numpy__ __bytes__ __ellipsis__ __slice__ __tuple__ __keras_tensor__ TensorShape".split()
)
_KERAS_PARTS = (
    "activations|constraints|dtype_policies|engine|initializers|layers|mixed_precision|models|ops|quantizers|random"
    "|regularizers"
)
_MODULE = re.compile(rf"(tf_keras|keras)(\.src)?(\.({_KERAS_PARTS})(\.\w+)*)?")
_LOOKUPS = frozenset({"IntegerLookup", "StringLookup", "TextVectorization"})
# A functional Keras 2 model holds TensorFlow functions by name; these families compute and do nothing else.
_TENSORFLOW = re.compile(
    r"(compat\.v1\.)?((__operators__|bitwise|image|linalg|math|nn|signal)\.\w+|abs|add|argmax|argmin|argsort|boolean_mask"
    r"|broadcast_to|cast|clip_by_value|concat|constant|convert_to_tensor|cos|cumsum|divide|einsum|equal|exp|expand_dims"
    r"|eye|fill|floor|gather|gather_nd|greater|greater_equal|identity|less|less_equal|logical_and|logical_not|logical_or"
    r"|matmul|maximum|meshgrid|minimum|multiply|negative|norm|not_equal|one_hot|ones|ones_like|pad|pow|range|rank"
    r"|realdiv|reduce_\w+|repeat|reshape|reverse|roll|round|searchsorted|sequence_mask|shape|sigmoid|sign|sin|size|slice"
    r"|sort|split|sqrt|square|squeeze|stack|stop_gradient|strided_slice|subtract|tanh|tensordot|tile|transpose|unstack"
    r"|where|zeros|zeros_like)"
)
# Compiling is not what we open a model for, and these hold losses and metrics of the user's own.
_FOR_TRAINING = frozenset({"compile_config", "training_config"})
_DEEPEST = 200
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something in a config that is none of Keras' own.

    `name` is what --custom-objects would have to bring, `is_code` says that the file itself holds code.
    """

    what: str
    where: str
    name: str | None = None
    is_code: bool = False


def without_training(value: Any, depth: int = 0) -> Any:
    """A copy of the config without what compiles the model; raises Malformed where it is nested too deeply."""
    if depth > _DEEPEST:
        raise Malformed(f"its config is nested more than {_DEEPEST} levels deep")
    if isinstance(value, dict):
        return {key: without_training(part, depth + 1) for key, part in value.items() if key not in _FOR_TRAINING}
    if isinstance(value, list):
        return [without_training(part, depth + 1) for part in value]
    return value


def vet(config: Any, path: Path, opening: Opening) -> None:
    """Raises UnsafeInput if the config names what its user has not allowed, all of it with its place."""
    if Trust.CODE in opening.trust:
        return
    found = list(dict.fromkeys(foreign_in(config, custom=names_of(opening))))
    if found:
        refuse(found, path)


def bind(config: Any, custom: frozenset[str]) -> None:
    """Make every name that was let through as one of `custom` say so in all places, in a config that may be changed.

    Each format of Keras looks in another of them, and Keras 2 imports the module when it does not find the name there.
    """
    for node, _ in _objects(config):
        place = "config" if node["class_name"] == "function" else "class_name"
        names = (_last(node.get(key)) for key in (place, "registered_name"))
        if own := next((name for name in names if name in custom), None):
            node[place] = node["registered_name"] = own


def refuse(found: list[Foreign], path: Path) -> NoReturn:
    """Raises UnsafeInput that names each of them and the ways out."""
    shown = "; ".join(f"{each.what} ({each.where})" for each in found[:_MOST_NAMED])
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    names = ",".join(dict.fromkeys(each.name for each in found if each.name))
    ways = [f"bring classes of your own with --custom-objects path/to/file.py:{names}"] if names else []
    raise UnsafeInput(
        f"{path} asks for what is not part of Keras, and nothing of it was built: {shown}{more}",
        fix=", or ".join([*ways, "only if you trust whoever made the file, let its code run with --trust-code"]),
    )


def names_of(opening: Opening) -> frozenset[str]:
    """The names that --custom-objects FILE:NAMES brings."""
    _, _, names = (opening.custom_objects or "").rpartition(":")
    return frozenset(name.strip() for name in names.split(",") if name.strip())


def classes_in(config: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every class that a config names, with the config of each."""
    for node, _ in _objects(config):
        inner = node.get("config")
        yield str(node["class_name"]), inner if isinstance(inner, dict) else {}


def foreign_in(config: Any, *, custom: frozenset[str]) -> Iterator[Foreign]:
    """What in a config is neither Keras' own nor in `custom`."""
    for node, where in _objects(config):
        yield from _foreign(node, where, custom)


def _objects(config: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every dictionary with a class, and where it is."""
    waiting = [(config, "the model")]
    while waiting:
        value, where = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                where = _place(value, where)
                yield value, where
            waiting += [(part, _below(where, key)) for key, part in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(part, where) for part in reversed(value)]


def _place(node: dict[str, Any], where: str) -> str:
    inner = node.get("config")
    name = inner.get("name") if isinstance(inner, dict) else node.get("name")
    return f"layer {name!r}" if isinstance(name, str) else where


def _below(where: str, key: str) -> str:
    return where if key in ("config", "layers", "layer") or where == "the model" else f"{key} of {where}"


def _foreign(node: dict[str, Any], where: str, custom: frozenset[str]) -> Iterator[Foreign]:
    kind, inner = node["class_name"], node.get("config")
    if not isinstance(kind, str):
        yield Foreign("a class without a name", where)
    elif kind == "function":
        yield from _function(node, where, custom)
    elif _last(kind) in custom or _last(node.get("registered_name")) in custom:
        pass
    elif kind == "Lambda":
        yield from _lambda(inner, where, custom)
    elif kind == "TFOpLambda":
        yield from _tensorflow(inner, where)
    elif kind in ("SlicingOpLambda", *_VALUES):
        pass
    elif kind == "__lambda__":
        yield Foreign("Python code", where, is_code=True)
    else:
        yield from _class(node, kind, where)
        yield from _named_files(kind, inner, where)


def _class(node: dict[str, Any], kind: str, where: str) -> Iterator[Foreign]:
    module, registered = node.get("module"), node.get("registered_name")
    if registered not in (None, "", kind) or kind not in _CLASSES:
        name = registered if isinstance(registered, str) and registered else kind
        of = f" of the module {module}" if module else ""
        yield Foreign(f"the class {name}{of}", where, _last(name))
    elif module is not None and not (isinstance(module, str) and _MODULE.fullmatch(module)):
        yield Foreign(f"the module {module}, for the class {kind}", where, kind)


def _named_files(kind: str, inner: Any, where: str) -> Iterator[Foreign]:
    """A vocabulary may be a path or an address, which the layer would read."""
    if kind in _LOOKUPS and isinstance(inner, dict) and isinstance(inner.get("vocabulary"), str):
        yield Foreign(f"the file {inner['vocabulary']}, as the vocabulary of a {kind} layer", where)


def _function(node: dict[str, Any], where: str, custom: frozenset[str]) -> Iterator[Foreign]:
    name, module, registered = node.get("config"), node.get("module"), node.get("registered_name")
    if _last(name) in custom or _last(registered) in custom:
        return
    own = module in (None, "builtins") or (isinstance(module, str) and _MODULE.fullmatch(module))
    if not (own and isinstance(name, str) and name in ACTIVATIONS and registered in (None, "", "function", name)):
        of = f" of the module {module}" if module else ""
        yield Foreign(f"the function {name}{of}", where, _last(name))


def _lambda(inner: Any, where: str, custom: frozenset[str]) -> Iterator[Foreign]:
    """A Lambda layer holds marshalled code, unless all it names are functions that the user brings."""
    found = inner if isinstance(inner, dict) else {}
    function = found.get("function")
    name = function.get("config") if isinstance(function, dict) else function
    named = isinstance(name, str) and _last(name) in custom
    kinds = [found.get(key) for key in ("function_type", "output_shape_type", "mask_type")]
    sizes = found.get("output_shape")
    plain = sizes is None or (isinstance(sizes, list) and all(isinstance(size, int | None) for size in sizes))
    if not (named and plain and all(kind in (None, "function", "raw") for kind in kinds) and found.get("mask") is None):
        yield Foreign("the Python code of a Lambda layer", where, is_code=True)


def _tensorflow(inner: Any, where: str) -> Iterator[Foreign]:
    function = inner.get("function") if isinstance(inner, dict) else None
    if not (isinstance(function, str) and _TENSORFLOW.fullmatch(function)):
        yield Foreign(f"the TensorFlow function {function}", where)


def _last(name: Any) -> str | None:
    """The name without the package that it was registered for."""
    return name.rpartition(">")[2] if isinstance(name, str) else None


def registered_names(config: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    """What the user brings, under the names with a package ("Custom>Layer") by which the config asks for it."""
    names = {
        name
        for node, _ in _objects(config)
        for name in (node["class_name"], node.get("registered_name"), node.get("config"))  # a function's stands there
        if isinstance(name, str)
    }
    return {name: own[name.rpartition(">")[2]] for name in names if name.rpartition(">")[2] in own}
