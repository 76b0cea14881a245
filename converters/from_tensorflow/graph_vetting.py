"""Judges the operators of a TensorFlow graph before it runs: computing is allowed, reaching outside is not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorflow.python.framework import op_def_registry

from ..checkpoints.malformed import Malformed, Refused
from ..errors import SourceError

# TensorFlow marks what has effects as stateful; of that, these only hold weights, draw numbers or call functions.
_HARMLESS_STATE = re.compile(
    r"VarHandleOp|Variable(V2)?|ReadVariableOp|VariableShape|VarIsInitializedOp|ResourceGather(Nd)?"
    r"|StatefulPartitionedCall|If|While|Case|Assert|CheckNumerics(V2)?|GuaranteeConst|Empty|Stack\w*V2|TensorArray\w*"
    r"|Random(Uniform|UniformInt|StandardNormal|Shuffle|Gamma|PoissonV2)|TruncatedNormal|Multinomial|Stateful(Uniform\w*"
    r"|StandardNormalV2|TruncatedNormal)|StatelessRandomGetAlg|_Arg|_Retval"
)
# These keep state of their own, which no artifact can hold.
_STATE = re.compile(
    r"Assign\w*|Resource\w*|\w*HashTable\w*|LookupTable\w*|InitializeTableV2|\w*Rng\w*|DestroyResourceOp"
)
# And these reach outside though TensorFlow does not mark them, or are not worth the risk.
_OUTSIDE = re.compile(
    r"(?i:\w*(file|dataset|reader|pyfunc|custom|summary|debug|dump|rpc|remote|tpu|checkpoint|snapshot|proto|xla|session"
    r"|lmdb|vocab|sleep|send|recv)\w*)|Abort|Copy(Host)?|ImmutableConst|Mlir\w*|Print|Batch|BatchFunction|Save\w*"
    r"|Restore\w*|_.*"
)
_RESTORING = re.compile(
    r"RestoreV2|AssignVariableOp|Assign|VarHandleOp|Variable(V2)?|Identity(N)?|Const|NoOp|Placeholder(WithDefault)?"
    r"|(Stateful)?PartitionedCall|StringJoin|ShardedFilename|Reshape|Pack|Cast"
)
_MOST_NODES = 2_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """The nodes of a graph that some of its tensors need, and the functions that these call, by name."""

    nodes: dict[str, Any]
    functions: dict[str, Any]

    @property
    def operators(self) -> set[str]:
        """The kinds of all nodes, but for calls of the file's own functions."""
        inner = (node for function in self.functions.values() for node in function.node_def)
        return {node.op for node in (*self.nodes.values(), *inner)} - set(self.functions)


def part_of(graph: Any, tensors: Iterable[str]) -> Part:
    """What is needed for some tensors; raises Malformed if a node is missing or there twice."""
    by_name = _named((node.name, node) for node in graph.node)
    library = _named((function.signature.name, function) for function in graph.library.function)
    nodes = _reached((_node_of(tensor) for tensor in tensors), by_name)
    functions: dict[str, Any] = {}
    waiting = list(nodes.values())
    while waiting:
        for name in _called(waiting.pop(), library):
            if name not in functions:
                functions[name] = library[name]
                waiting += library[name].node_def
    if len(nodes) + sum(len(function.node_def) for function in functions.values()) > _MOST_NODES:
        raise Malformed("its graph has more nodes than any model")
    return Part(nodes, functions)


def vet_computing(part: Part, path: Path) -> None:
    """Raises Refused for operators that reach outside, SourceError for those that no artifact can hold."""
    unknown = {name for name in part.operators if op_def_registry.get(name) is None}
    outside = {name for name in part.operators - unknown if _reaches_outside(name)}
    if outside:
        raise Refused(f"reads or writes files, or runs code, with its operators {', '.join(sorted(outside))}")
    if unknown:
        raise SourceError(
            f"{path} uses operators that TensorFlow does not have: {', '.join(sorted(unknown))}",
            fix="export the model without the library that brings them",
        )
    if kept := {name for name in part.operators if _STATE.fullmatch(name)}:
        raise SourceError(
            f"{path} changes variables or looks up tables while it runs ({', '.join(sorted(kept))})",
            fix="export a function without them: an artifact holds no state between two calls",
        )


def vet_restoring(part: Part, file_name: str) -> None:
    """Raises Refused unless the part does nothing but fill variables from the checkpoint called `file_name`."""
    others = sorted(name for name in part.operators if not _RESTORING.fullmatch(name))
    if others:
        raise Refused(f"does more than restoring its variables when it is opened ({', '.join(others)})")
    own = {_node_of(file_name)}
    for node in part.nodes.values():
        _check_prefix(node, part.nodes, own)
        for name in _called(node, part.functions):
            _vet_function(part.functions[name], node, part, own)


def _vet_function(function: Any, call: Any, part: Part, own: set[str]) -> None:
    """A function restores from what its caller hands over, which must be the file's own checkpoint."""
    inner = _named((node.name, node) for node in function.node_def)
    arguments = zip(function.signature.input_arg, call.input, strict=False)
    handed = {argument.name for argument, given in arguments if _origin(_node_of(given), part.nodes) in own}
    for node in function.node_def:
        _check_prefix(node, inner, handed)
        if any(_called(node, part.functions)):
            raise Refused("restores its variables in functions within functions")


def _check_prefix(node: Any, around: Mapping[str, Any], own: set[str]) -> None:
    if node.op == "RestoreV2" and _origin(_node_of(node.input[0]), around) not in own:
        raise Refused("reads another checkpoint than its own when it is opened")


def _origin(name: str, around: Mapping[str, Any]) -> str:
    """The node that a value comes from, through those that pass it on."""
    for _ in range(len(around) + 1):
        node = around.get(name)
        if node is None or node.op not in ("Identity", "PlaceholderWithDefault") or not node.input:
            return name
        if node.op == "PlaceholderWithDefault":
            return name
        name = _node_of(node.input[0])
    return name


def _reaches_outside(name: str) -> bool:
    stateful = op_def_registry.get(name).is_stateful
    if stateful:
        return not (_HARMLESS_STATE.fullmatch(name) or _STATE.fullmatch(name))
    return bool(_OUTSIDE.fullmatch(name)) and not _HARMLESS_STATE.fullmatch(name)


def _reached(names: Iterable[str], by_name: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in by_name:
            raise Malformed(f"its graph has no node {name[:80]!r}")
        found[name] = by_name[name]
        waiting += [_node_of(tensor) for tensor in by_name[name].input]
    return found


def _called(node: Any, library: Mapping[str, Any]) -> Iterator[str]:
    """The functions of the library that a node names, as its operator or in an attribute."""
    if node.op in library:
        yield node.op
    for value in node.attr.values():
        for name in (value.func.name, *(function.name for function in value.list.func)):
            if name in library:
                yield name


def _named(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Malformed(f"it has two nodes or functions of the name {name[:80]!r}")
        found[name] = value
    return found


def _node_of(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]
