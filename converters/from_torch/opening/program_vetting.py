"""Admits the JSON of an exported program: torch writes its names into Python code that it runs, and calls by name.

torch.export.load also runs guards that the file holds as text, and imports modules that its tree specifications name
(https://docs.pytorch.org/docs/stable/export.html: "never load data from an untrusted source"). Whatever is not admitted
here is refused, and what only describes where the program came from is left out.
"""

from __future__ import annotations

import json
import keyword
import re
from typing import Any, cast

import torch

from ...errors import SourceError, UnsafeInput
from .allowed_operators import refused
from .program_expressions import SYMBOL, check_expression

_DEEPEST = 200
_DROPPED: dict[str, Any] = {"metadata": {}, "guards_code": []}
_FREE = frozenset({"as_string", "as_strings"})  # arguments, which torch quotes where it writes them
_IDENTIFIERS = frozenset({"name", "as_name", "forward_arg_names"})
_IDENTIFIER_KEYS = frozenset(
    {"tensor_values", "sym_int_values", "sym_float_values", "sym_bool_values", "custom_obj_values"}
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z0-9_.+\-:/]*")
_OPERATOR = re.compile(r"torch\.ops\.(\w+)\.(\w+)(?:\.(\w+))?", re.ASCII)
_PYTHON = frozenset(
    "eq ne le ge lt gt neg pos mul add sub floordiv mod pow truediv and_ or_ lshift rshift getitem".split()
)
_NUMBERS = frozenset(
    {f"_operator.{name}" for name in _PYTHON}
    | {f"torch.sym_{name}" for name in "not int float ite max min sqrt".split()}
    | {"math.trunc", "math.ceil", "math.floor", "torch._sym_sqrt"}
)
_HIGHER_ORDER = frozenset(
    {"cond", "while_loop", "scan", "map_impl", "wrap_with_set_grad_enabled", "wrap_with_autocast", "invoke_subgraph"}
)
_CONTAINERS = frozenset({
    None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict", "collections.namedtuple",
    "torch.fx.immutable_collections.immutable_list", "torch.fx.immutable_collections.immutable_dict",
})  # fmt: skip
_FIX = "do not load it; export the model again from its source"


def vetted(program: Any) -> dict[str, Any]:
    """The program without what is only about its origin; raises UnsafeInput for what is not admitted, SourceError."""
    if not isinstance(program, dict) or not isinstance(program.get("graph_module"), dict):
        raise SourceError("the file holds no exported program", fix="save it again with torch.export.save")
    ranges = program.get("range_constraints")
    if isinstance(ranges, dict) and not all(isinstance(name, str) and SYMBOL.fullmatch(name) for name in ranges):
        raise _unsafe("names a size in an unknown way")
    return cast("dict[str, Any]", _visited("", program, 0))


def _visited(key: str, value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise SourceError(f"the exported program is nested more than {_DEEPEST} deep", fix=_FIX)
    if key in _DROPPED:
        return _DROPPED[key]
    if isinstance(value, dict):
        return _mapping(key, value, depth)
    if isinstance(value, list):
        return [_visited(key, item, depth + 1) for item in value]
    if isinstance(value, str):
        _check_text(key, value)
    return value


def _mapping(key: str, value: dict[str, Any], depth: int) -> dict[str, Any]:
    for name, part in value.items():
        if name in {"as_custom_obj", "custom_obj"}:
            raise _unsafe("holds an object that torch would build from the file")
        if key in _IDENTIFIER_KEYS:
            _check_identifier(name)
        elif not _PLAIN.fullmatch(name):
            raise _unsafe(f"has the name {name[:60]!r}")
        if name == "target" and "inputs" in value:
            check_operator(part)
    return {name: _visited(name, part, depth + 1) for name, part in value.items()}


def _check_text(key: str, text: str) -> None:
    if key in _FREE:
        return
    if key == "expr_str":
        check_expression(text)
    elif key in {"in_spec", "out_spec"}:
        _check_tree(text)
    elif key == "as_operator":
        check_operator(text)
    elif key in _IDENTIFIERS:
        _check_identifier(text)
    elif not _PLAIN.fullmatch(text):
        raise _unsafe(f"has the name {text[:60]!r}")


def _check_identifier(name: str) -> None:
    if name and (not _IDENTIFIER.fullmatch(name) or (keyword.iskeyword(name) and name not in {"from", "lambda", "in"})):
        raise _unsafe(f"has a variable of the name {name[:60]!r}")


def check_operator(target: Any) -> None:
    """Raise UnsafeInput unless the program may call it."""
    if target in _NUMBERS:
        return
    found = _OPERATOR.fullmatch(target) if isinstance(target, str) else None
    if found is None:
        raise _unsafe(f"calls {str(target)[:60]!r}, which is no operator on tensors")
    namespace, name = found[1], found[2]
    if namespace == "higher_order":
        if name not in _HIGHER_ORDER:
            raise _unsafe(f"calls {target[:60]!r}, which is none of {', '.join(sorted(_HIGHER_ORDER))}")
    elif refused(namespace, name.removesuffix("_out")):
        raise _unsafe(f"calls the operator {namespace}::{name}, which does more than compute with tensors")
    else:
        _require_registered(namespace, name, found[3] or "")


def _require_registered(namespace: str, name: str, overload: str) -> None:
    """What torch looks up by these names must be an operator: they could lead to anything that an object has."""
    packet = getattr(getattr(torch.ops, namespace), name, None)
    found = getattr(packet, overload, None) if isinstance(packet, torch._ops.OpOverloadPacket) else None
    if not isinstance(found, torch._ops.OpOverload):
        raise SourceError(
            f"the exported program calls {namespace}::{name}.{overload}, which torch {torch.__version__} does not have",
            fix="export the model again under this torch version, with operators of torch alone",
        )


def _check_tree(text: str) -> None:
    """A tree specification is JSON in a text: [protocol, {type, context, children_spec}]."""
    try:
        _, tree = json.loads(text)
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            if node["type"] not in _CONTAINERS:
                raise SourceError(
                    f"the exported program takes or returns a {str(node['type'])[:60]}, which is no plain container",
                    fix="export the model with tensors, tuples, lists and dictionaries as inputs and outputs",
                )
            _check_context(node["context"])
            waiting += node["children_spec"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceError("the exported program describes its inputs in an unknown way", fix=_FIX) from error


def _check_context(context: Any) -> None:
    """The keys of a mapping as JSON in a text, or the name of a tuple's class."""
    if context is None or (isinstance(context, str) and _PLAIN.fullmatch(context)):
        return
    keys = json.loads(context) if isinstance(context, str) else context
    if not isinstance(keys, list) or not all(isinstance(key, str | int) and _PLAIN.fullmatch(str(key)) for key in keys):
        raise _unsafe(f"has an input or output of the name {str(context)[:60]!r}")


def _unsafe(what: str) -> UnsafeInput:
    return UnsafeInput(f"the exported program {what}", fix=_FIX)
