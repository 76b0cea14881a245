"""Lets a scan in ExecuTorch take the sizes that a program with open dimensions is called with.

ExecuTorch 1.5 plans a scan's memory for the largest sizes and then neither shrinks the states (aten::copy_ works in
place: error 0x12 for a smaller batch) nor the stacked outputs (et_copy_index only grows them: a shorter sequence
comes out at the largest length). Both are given their size here by operators that resize what they write to.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from executorch.exir.emit._emitter import _Emitter
from executorch.exir.schema import EValue, Instruction, Int, KernelCall, Null

from ...errors import ConversionError


@contextmanager
def resized_scans() -> Generator[None]:
    """Within the block, emitted scans follow open sizes; scans of fixed sizes are emitted as ever."""
    emit = _Emitter._emit_scan

    def emit_resizing(self: Any, arguments: tuple[Any, ...], results: list[Any]) -> Any:
        if not _has_open_sizes(self.node):
            return emit(self, arguments, results)
        states = arguments[1]
        _resize_outputs(self, arguments, results[len(states) :])
        known = len(self.chain.instructions)
        emitted = emit(self, arguments, results)
        _resize_states(self, known)
        return emitted

    with patch.object(_Emitter, "_emit_scan", emit_resizing):
        yield


def _has_open_sizes(node: Any) -> bool:
    return any(isinstance(size, torch.SymInt) for value in node.meta["val"] for size in value.shape)


def _resize_states(emitter: Any, known: int) -> None:
    """Make aten::copy.out, which takes its source's size, of every copy_ emitted since."""
    in_place, _ = emitter._get_operator(name="aten::copy_")
    resizing, _ = emitter._get_operator(name="aten::copy", overload="out")
    for instruction in emitter.chain.instructions[known:]:
        call = instruction.instr_args
        if isinstance(call, KernelCall) and call.op_index == in_place:
            _target, source, is_asynchronous, out = call.args
            call.op_index, call.args = resizing, [source, source, is_asynchronous, out, out]


def _resize_outputs(emitter: Any, arguments: tuple[Any, ...], outputs: Sequence[Any]) -> None:
    """Give the stacked outputs their size before the loop, with aten::empty.out."""
    _body, states, sequences, _fixed = arguments
    _, state_nodes, sequence_nodes, _ = emitter.node.args
    sources = list(zip([*sequence_nodes, *state_nodes], [*sequences, *states], strict=True))
    empty, _ = emitter._get_operator(name="aten::empty", overload="out")
    nothing = emitter._emit_evalue(EValue(Null()))
    for value, output in zip(emitter.node.meta["val"][len(states) :], outputs, strict=True):
        sizes = [_size(emitter, size, sources) for size in value.shape]
        listed = emitter._emit_evalue(emitter._emit_int_list(sizes))
        _call(emitter, empty, [listed.id, nothing.id, output.id, output.id])


def _size(emitter: Any, size: Any, sources: list[tuple[Any, Any]]) -> Any:
    """A size as the emitter takes it: a number, or one asked of an operand of the scan that has the same."""
    if isinstance(size, int):
        return size
    for node, emitted in sources:
        for axis, own in enumerate(node.meta["val"].shape):
            if isinstance(own, torch.SymInt) and own.node.expr == size.node.expr:
                return _ask(emitter, emitted, axis)
    raise ConversionError(
        f"the open size {size} of a loop's output is not that of any of the loop's inputs",
        fix="leave that dimension fixed, or leave executorch out of --to",
    )


def _ask(emitter: Any, tensor: Any, axis: int) -> Any:
    operator, _ = emitter._get_operator(name="aten::sym_size", overload="int")
    answer = emitter._emit_evalue(EValue(Int(0)))
    _call(emitter, operator, [tensor.id, emitter._emit_evalue(EValue(Int(axis))).id, answer.id])
    return answer


def _call(emitter: Any, operator: int, arguments: list[int]) -> None:
    emitter.chain.instructions.append(Instruction(KernelCall(operator, args=arguments)))
