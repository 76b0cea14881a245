"""Teaches litert-torch to lower a scan as a WHILE loop of builtin operators.

litert-torch 0.10 answers "Lowering not found: scan". Its registry takes one more lowering, StableHLO below it has
`while`, and LiteRT has WHILE, whose two branches must each be one call of a function when the flatbuffer is written.
The converter inlines such functions, so they are marked as not to be inlined just before it runs (not earlier:
merging the signatures refuses marked functions).

A WHILE operator copies all its variables in every iteration, the whole sequence among them. A long sequence is
therefore cut into pieces, in a loop around the loop, so that a step costs the same however long the sequence is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from litert_converter.mlir import ir
from litert_converter.mlir.dialects import func, stablehlo
from litert_torch._convert import litert_converter
from litert_torch.backend import export_utils, lowerings
from litert_torch.backend.export import LoweringInterpreter
from litert_torch.backend.lowerings import utils as values

_CONSTANTS = frozenset({"arith.constant", "stablehlo.constant"})
_LESS_THAN = "#stablehlo<comparison_direction LT>"
_ONE_PIECE = 64
_uncut: set[int] = set()


def register() -> None:
    """Make litert-torch lower scans, in this process; calling it again changes nothing."""
    if lowerings.lookup(torch.ops.higher_order.scan) is _lower_scan:
        return
    lowerings.lower(torch.ops.higher_order.scan)(_lower_scan)
    converter = litert_converter.converter_api_ext
    run_passes = converter.run_convert_to_tfl_passes

    def run_with_loops(module: Any, *options: Any) -> None:
        _keep_loop_functions(module)
        run_passes(module, *options)

    converter.run_convert_to_tfl_passes = run_with_loops


@contextmanager
def whole_loops(lengths: Sequence[int]) -> Generator[None]:
    """Within it, sequences of these lengths stay in one piece: how many pieces there are depends on the length."""
    _uncut.update(lengths)
    try:
        yield
    finally:
        _uncut.clear()


def _lower_scan(
    context: Any,
    body: torch.fx.GraphModule,
    initial: Sequence[Any],
    sequences: Sequence[Any],
    fixed: Sequence[Any],
) -> list[Any]:
    """The scan as StableHLO: last states, then outputs stacked along a new first axis."""
    loop = _Scan(context, body, list(initial), list(sequences), list(fixed))
    return loop.write(sequences[0].type.shape[0])


class _Scan:
    """One scan on its way into StableHLO."""

    def __init__(
        self, context: Any, body: torch.fx.GraphModule, states: list[Any], sequences: list[Any], fixed: list[Any]
    ) -> None:
        self.context = context
        self.body = body
        self.states = states
        self.sequences = sequences
        self.fixed = fixed
        self.variables = [value for value in fixed if not _is_constant(value)]
        results = next(iter(body.graph.find_nodes(op="output"))).args[0]
        self.steps = [_type_of(node.meta["val"]) for node in results[len(states) :]]

    def write(self, length: int) -> list[Any]:
        """Emit the loop, or a loop of loops, at the current place."""
        piece = _piece(length)
        outputs = [_room(self.sequences[0], [length, *step.shape], step.element_type) for step in self.steps]
        variables = [*self.states, *outputs, *self.sequences, *self.variables]
        if piece == length:
            results = self._loop(_int(0), _int(length), variables, self._step)
        else:
            count = -(-length // piece)
            self.length, self.piece = length, piece
            results = self._loop(_int(0), _int(count), variables, self._run_piece)
        return results[: len(self.states) + len(outputs)]

    def _loop(self, start: Any, end: Any, variables: list[Any], run: Any) -> list[Any]:
        """A while loop from `start` up to `end` (a constant), each branch one call of a function."""
        carried = [start, *variables]
        types = [value.type for value in carried]
        condition = self._function("loop_condition", types, lambda given: [_less(given[0], _copy_constant(end))])
        body = self._function("loop_body", types, lambda given: [_add(given[0], _int(1)), *run(given[0], given[1:])])
        loop = stablehlo.WhileOp(types, carried)
        for region, function in zip(loop.regions, (condition, body), strict=True):
            block = region.blocks.append(*types)
            with ir.InsertionPoint(block):
                stablehlo.return_(list(func.CallOp(function, list(block.arguments)).results))
        return list(loop.results)[1:]

    def _function(self, name: str, types: list[Any], write: Any) -> Any:
        """A private function of the module; it sees nothing but its arguments."""
        top = ir.InsertionPoint.at_block_begin(self.context.ir_module.body)
        # Lowerings that come from JAX damage the function under construction (litert_torch.backend.export writes
        # "main" twice for the same reason), so a draft takes the damage and its operators are copied.
        draft = func.FuncOp("draft", ir.FunctionType.get(types, []), ip=top)
        with ir.InsertionPoint(draft.add_entry_block()):
            results = write(list(draft.arguments))
            func.ReturnOp(results)
        signature = ir.FunctionType.get(types, [result.type for result in results])
        function = func.FuncOp(self._name(name), signature, ip=top)
        function.attributes["sym_visibility"] = ir.StringAttr.get("private")
        with ir.InsertionPoint(function.add_entry_block()):
            func.ReturnOp(export_utils.clone_func_body_ops(draft, function.arguments))
        draft.erase()
        return function

    def _name(self, stem: str) -> str:
        taken = {str(operation.name) for operation in self.context.ir_module.body.operations}
        return next(
            name for name in (f"{stem}_{number}" for number in range(len(taken) + 1)) if f'"{name}"' not in taken
        )

    def _step(self, time: Any, variables: list[Any]) -> list[Any]:
        """One step of the scan's body at `time`: the loop's variables after it."""
        states, outputs, sequences, rest = self._groups(variables)
        slices = [_row(sequence, time) for sequence in sequences]
        given = iter(rest)
        fixed = [_copy_constant(value) if _is_constant(value) else next(given) for value in self.fixed]
        interpreter = LoweringInterpreter(self.body, self.context)
        node, location = self.context.node, self.context.ir_location
        interpreter.run(*states, *slices, *fixed, enable_io_processing=False)
        self.context.node, self.context.ir_location = node, location
        results = list(interpreter.outputs)
        new = results[len(states) :]
        written = [_write_row(output, row, time) for output, row in zip(outputs, new, strict=True)]
        return [*results[: len(states)], *written, *sequences, *rest]

    def _run_piece(self, number: Any, variables: list[Any]) -> list[Any]:
        """All steps of one piece of the sequence; the last piece overlaps the one before and starts later in it."""
        states, outputs, sequences, rest = self._groups(variables)
        first = stablehlo.multiply(number, _int(self.piece))
        start = stablehlo.minimum(first, _int(self.length - self.piece))
        offset = stablehlo.subtract(first, start)
        own = [_rows(value, start, self.piece) for value in (*outputs, *sequences)]
        results = self._loop(offset, _int(self.piece), [*states, *own, *rest], self._step)
        new_states, pieces, _, _ = self._groups(results)
        written = [_write_rows(output, piece, start) for output, piece in zip(outputs, pieces, strict=True)]
        return [*new_states, *written, *sequences, *rest]

    def _groups(self, variables: list[Any]) -> Iterator[list[Any]]:
        """The loop's variables: states, outputs, sequences, the rest."""
        start = 0
        for size in (len(self.states), len(self.steps), len(self.sequences), len(self.variables)):
            yield variables[start : start + size]
            start += size


def _piece(length: int) -> int:
    """The length of a piece: the whole for a short sequence, else the next power of two of its square root."""
    if length <= _ONE_PIECE or length in _uncut:
        return length
    return 1 << (int(length**0.5) - 1).bit_length()


def _keep_loop_functions(module: Any) -> None:
    """Forbid to inline what the branches of while loops call."""
    functions = ir.SymbolTable(module.operation)
    unit = ir.UnitAttr.get(context=module.context)
    for operation in _operations(module.operation):
        if operation.name != "stablehlo.while":
            continue
        for region in operation.regions:
            for call in region.blocks[0].operations:
                if call.operation.name == "func.call":
                    call.operation.attributes["no_inline"] = unit
                    functions[ir.FlatSymbolRefAttr(call.operation.attributes["callee"]).value].operation.attributes[
                        "no_inline"
                    ] = unit


def _operations(operation: Any) -> Iterator[Any]:
    """All operations within an operation."""
    for region in operation.regions:
        for block in region.blocks:
            for inner in block.operations:
                yield inner.operation
                yield from _operations(inner.operation)


def _is_constant(value: Any) -> bool:
    """Whether a value follows from constants alone."""
    owner = value.owner
    if isinstance(owner, ir.Block):
        return False
    operation = owner.operation
    if operation.name in _CONSTANTS:
        return True
    return len(operation.regions) == 0 and len(operation.operands) > 0 and all(map(_is_constant, operation.operands))


def _copy_constant(value: Any) -> Any:
    """A constant and what it is made of once more, at the current place: a loop's body has weights of its own."""
    operation = value.owner.operation
    operands = [_copy_constant(operand) for operand in operation.operands]
    position = list(operation.results).index(value)
    copy = operation.clone()
    for index, operand in enumerate(operands):
        copy.operands[index] = operand
    return copy.results[position]


def _type_of(tensor: Any) -> Any:
    return ir.RankedTensorType.get(list(tensor.shape), values.torch_dtype_to_ir_element_type(tensor.dtype))


def _int(number: int) -> Any:
    return values.numpy_array_constant(np.array(number, np.int32))


def _add(left: Any, right: Any) -> Any:
    return stablehlo.add(left, right)


def _less(left: Any, right: Any) -> Any:
    return stablehlo.compare(left, right, ir.Attribute.parse(_LESS_THAN))


def _room(source: Any, shape: list[int], element: Any) -> Any:
    """A tensor to be overwritten: made of one element of `source`, since a constant would sit in the file."""
    ones = [1] * len(source.type.shape)
    zeros = [0] * len(ones)
    scalar = stablehlo.reshape(
        ir.RankedTensorType.get([], source.type.element_type), stablehlo.slice(source, zeros, ones, ones)
    )
    if source.type.element_type != element:
        scalar = stablehlo.convert(ir.RankedTensorType.get([], element), scalar)
    return stablehlo.broadcast_in_dim(ir.RankedTensorType.get(shape, element), scalar, [])


def _start(value: Any, time: Any) -> list[Any]:
    """Where rows from `time` on begin."""
    return [time, *(_int(0) for _ in value.type.shape[1:])]


def _rows(value: Any, time: Any, count: int) -> Any:
    return stablehlo.dynamic_slice(value, _start(value, time), [count, *value.type.shape[1:]])


def _row(value: Any, time: Any) -> Any:
    row = ir.RankedTensorType.get(list(value.type.shape[1:]), value.type.element_type)
    return stablehlo.reshape(row, _rows(value, time, 1))


def _write_rows(value: Any, rows: Any, time: Any) -> Any:
    return stablehlo.dynamic_update_slice(value, rows, _start(value, time))


def _write_row(value: Any, row: Any, time: Any) -> Any:
    rows = ir.RankedTensorType.get([1, *row.type.shape], row.type.element_type)
    return _write_rows(value, stablehlo.reshape(rows, row), time)
