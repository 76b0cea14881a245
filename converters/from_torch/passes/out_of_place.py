"""Writes operators that change a tensor in place as those that give a new one, where nobody could tell."""

from __future__ import annotations

import torch
from torch import fx
from torch.export import ExportedProgram

from .aliases import shared_with
from .node_writer import ProgramEdit


def out_of_place(program: ExportedProgram) -> ExportedProgram:
    """The program with `mul` for a `mul_` that alone reads what it changes, which some operator has just made.

    Other passes leave tensors alone that are changed in place. Keras normalises in place, at every batch norm.
    """
    edit = ProgramEdit(program)
    found = [node for node in edit.graph.nodes if _is_alone(node)]
    replaced = [(node, target) for node in found if (target := _plain(node)) is not None]
    if not replaced:
        return program
    for node, target in replaced:
        node.target = target
    return edit.program()


def _is_alone(node: fx.Node) -> bool:
    if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
        return False
    changed = node.args[0] if node.args else None
    return node.target._schema.is_mutable and isinstance(changed, fx.Node) and _is_owned(changed)


def _is_owned(value: fx.Node) -> bool:
    """Whether one operator alone reads a value, and nothing else its memory."""
    alone = value.op == "call_function" and len(value.users) == 1
    return alone and all(_is_owned(source) for source, _ in shared_with(value))


def _plain(node: fx.Node) -> torch._ops.OpOverload | None:
    """The operator of the same arguments without the underscore."""
    assert isinstance(node.target, torch._ops.OpOverload)
    namespace, _, name = node.target._schema.name.partition("::")
    packet = getattr(getattr(torch.ops, namespace), name.removesuffix("_"), None) if name.endswith("_") else None
    overload = node.target._overloadname
    found = getattr(packet, overload, None) if packet is not None and overload in packet.overloads() else None
    return found if isinstance(found, torch._ops.OpOverload) and not found._schema.is_mutable else None
