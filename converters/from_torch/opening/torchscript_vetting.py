"""Admits the code of a TorchScript archive by its text, before torch compiles it, and by its graph, before it runs.

Loading already runs the __setstate__ methods in the file. TorchScript has no Python in it, but operators that write
files, read them, or talk to other machines; any can be reached as `torch.NAME`, `ops.NAMESPACE.NAME` or `value.NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...checkpoints.archives import CheckedZip
from ...checkpoints.malformed import Malformed
from ...checkpoints.pickle_machine import Node, PickleReader, admit_all
from ...checkpoints.torch_zip import TorchArchive
from ...checkpoints.unpickled import TreeBuilder
from ...errors import UnsafeInput
from .allowed_operators import NAMESPACES, refused

_LARGEST_CODE = 64 << 20
_LARGEST_PICKLE = 256 << 20
_CLASSES = frozenset({"quantized", "rnn"})
_FORBIDDEN = re.compile(r"\b(save|from_file|rpc_async|rpc_sync|rpc_remote|load_tensor|_?fbgemm_\w+|_?cpp_custom\w*)\b")
_NAMESPACE = re.compile(r"(?<![\w.])ops\b(?:\s*\.\s*(\w+))?")
_CLASS = re.compile(r"torch\s*\.\s*classes\b(?:\s*\.\s*(\w+))?")
_NAME = re.compile(r"[A-Za-z0-9_.\-/:]*")
_FIX = "do not load it; get the model again from a source you trust"


def check_archive(archive: CheckedZip) -> None:
    """Raise UnsafeInput for code or objects that are not admitted, Malformed for what is no TorchScript archive."""
    names = archive.names()
    if any(name.partition("/")[2] == "model.json" for name in names):
        raise Malformed("it was written by a torch before 1.2, whose format is not read")
    for name in names:
        if name.partition("/")[2].startswith("code/") and not name.endswith(".debug_pkl"):
            text = archive.read(name, limit=_LARGEST_CODE).decode("utf-8", "backslashreplace")
            _refuse(next(_objections(text), None))
        elif name.partition("/")[2] in {"data.pkl", "constants.pkl"}:
            machine = PickleReader(admit_all)
            root = machine.read(archive.read(name, limit=_LARGEST_PICKLE))
            _refuse(next(_objections("\n".join(machine.names)), None))
            _check_tensors(archive, name, machine, root)


def _check_tensors(archive: CheckedZip, name: str, machine: PickleReader, root: Node) -> None:
    """Raise Malformed where a tensor is larger than what is stored for it: torch would read on behind its end."""
    constants = name.endswith("/constants.pkl") and any("/constants/" in each for each in archive.names())
    storages = TorchArchive(archive, tensors="constants" if constants else "data")
    for reference in machine.persistent:
        storages.find(reference.arguments)
    TreeBuilder(storages, quantized=True).build(root)


def check_module(module: Any) -> None:
    """Raise UnsafeInput if what forward() calls, everything inlined, is not admitted, or a name is no plain one."""
    for name in (*module.state_dict(), *(name for name, _ in module.named_modules())):
        if not _NAME.fullmatch(name):
            _refuse(f"has a part of the name {name[:60]!r}")
    for node in _nodes(module.inlined_graph):
        namespace, _, name = node.kind().partition("::")
        if namespace not in {"prim", "onnx"} and refused(namespace, name):
            _refuse(f"calls the operator {node.kind()}, which does more than compute with tensors")
        if node.kind() in {"prim::GetAttr", "prim::SetAttr"} and not _NAME.fullmatch(node.s("name")):
            _refuse(f"has a part of the name {node.s('name')[:60]!r}")


def keeps_state(module: Any) -> bool:
    """Whether forward() sets attributes, so that its next call may give another result."""
    return any(node.kind() == "prim::SetAttr" for node in _nodes(module.inlined_graph))


def _nodes(block: Any) -> Iterator[Any]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _objections(text: str) -> Iterator[str]:
    code = _without_strings(text)
    for found in _FORBIDDEN.finditer(code):
        yield f"names the operator {found[1]}, which does more than compute with tensors"
    for found in _NAMESPACE.finditer(code):
        if found[1] not in NAMESPACES:
            yield f"calls operators of {found[1] or 'an unknown namespace'}"
    for found in _CLASS.finditer(text):
        if found[1] not in _CLASSES:
            yield f"builds objects of {found[1] or 'an unknown class'}"


def _without_strings(text: str) -> str:
    """The text without its strings where it is certain where they end, which is so in all that torch writes."""
    if any(sign in text for sign in ("'", "#", "\\", '"""')):
        return text
    return re.sub(r'"[^"\n]*"', '""', text)


def _refuse(what: str | None) -> None:
    if what is not None:
        raise UnsafeInput(f"the TorchScript archive {what}", fix=_FIX)


def check_file(path: Path) -> None:
    """The same for a file that is not open yet."""
    with CheckedZip(path) as archive:
        check_archive(archive)
