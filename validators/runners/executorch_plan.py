"""Executes the instructions of an ExecuTorch program in Python: kernels by PyTorch's operators, delegates by others.

The program itself is executed, with its own constants and scales; what differs from a device are the kernels. It is how
programs run whose kernels or delegates this machine does not have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from executorch.exir import schema
from executorch.exir._serialize._program import deserialize_pte_binary
from executorch.exir.passes import dim_order_ops_registry
from torch.ao.quantization.fx import _decomposed

from ...converters.artifact import Artifact
from ...converters.errors import LoadError, NotRunnable
from ...converters.signature import Signature, TensorSpec
from .protocol import not_loadable

REGISTERS = (dim_order_ops_registry, _decomposed)  # imported for operators, which programs call by name
_METHOD = "forward"
_NAME = "ExecuTorch"
_VIEW = "executorch_prim::et_view"
_KEYS = ("CPU", "CompositeExplicitAutograd", "CompositeImplicitAutograd")
_DTYPES = {
    "BYTE": torch.uint8,
    "CHAR": torch.int8,
    "SHORT": torch.int16,
    "INT": torch.int32,
    "LONG": torch.int64,
    "HALF": torch.float16,
    "FLOAT": torch.float32,
    "DOUBLE": torch.float64,
    "BOOL": torch.bool,
}
# By the number of a delegate and what it is called with, inputs first, what it gives.
Delegate = Callable[[int, Sequence[torch.Tensor]], Sequence[torch.Tensor]]


class Plan:
    """One loaded method. Values are by number, as the program counts them.

    Tensors lie in memory where the program planned them, so that views without an instruction see what was written, and
    a plan that lets two of them overlap shows.
    """

    def __init__(self, artifact: Artifact, payload: bytes) -> None:
        try:
            read: Any = deserialize_pte_binary(payload)
        except Exception as error:
            raise not_loadable(artifact, _NAME, error) from error
        self._program: schema.Program = getattr(read, "program", read)
        plans = [plan for plan in self._program.execution_plan if plan.name == _METHOD]
        if len(plans) != 1 or len(plans[0].chains) != 1:
            raise LoadError(f"{artifact.file} has no method {_METHOD!r} of one chain", fix="convert again")
        self._plan = plans[0]
        self._artifact = artifact
        self._operators = [_operator(each.name, each.overload) for each in self._plan.operators]
        self._memory = [torch.zeros(size, dtype=torch.uint8) for size in self._plan.non_const_buffer_sizes]
        self._tensors = {
            place: self._placed(value.val)
            for place, value in enumerate(self._plan.values)
            if isinstance(value.val, schema.Tensor)
        }

    @property
    def delegates(self) -> list[tuple[str, bytes, dict[str, bytes]]]:
        """Name, payload and options of every delegate, by number."""
        return [
            (each.id, self._program.backend_delegate_data[each.processed.index].data, _options(each.compile_specs))
            for each in self._plan.delegates
        ]

    @property
    def signature(self) -> Signature:
        """Dtypes and shapes as the program declares them, with the record's names."""
        record = self._artifact.signature
        return Signature(
            inputs=self._specs(self._plan.inputs, record.inputs),
            outputs=self._specs(self._plan.outputs, record.outputs),
        )

    def _specs(self, places: Sequence[int], recorded: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
        if len(places) != len(recorded):
            raise LoadError(
                f"{self._artifact.file} has {len(places)} inputs or outputs where its record has {len(recorded)}",
                fix="convert again",
            )
        found = [(spec.name, self._tensors[place]) for spec, place in zip(recorded, places, strict=True)]
        return tuple(
            TensorSpec(name=name, dtype=str(tensor.dtype).removeprefix("torch."), shape=tuple(tensor.shape))
            for name, tensor in found
        )

    def _placed(self, tensor: schema.Tensor) -> torch.Tensor:
        """A constant, or the piece of memory that was planned; sizes are in the program's order of axes."""
        sizes = [tensor.sizes[axis] for axis in tensor.dim_order]
        back = [list(tensor.dim_order).index(axis) for axis in range(len(sizes))]
        dtype = _dtype(tensor)
        size = math.prod(sizes) * dtype.itemsize
        planned = tensor.allocation_info
        if tensor.data_buffer_idx:
            stored = torch.frombuffer(
                bytearray(self._program.constant_buffer[tensor.data_buffer_idx].storage), dtype=torch.uint8
            )
        elif planned is not None:
            start = planned.memory_offset_low + (planned.memory_offset_high << 32)
            stored = self._memory[planned.memory_id][start:]
        else:
            stored = torch.zeros(size, dtype=torch.uint8)
        return stored[:size].view(dtype).reshape(sizes).permute(back)

    def run(self, inputs: Sequence[torch.Tensor], delegate: Delegate) -> list[torch.Tensor]:
        """The outputs of one call, in the program's order; raises NotRunnable for an instruction it does not know."""
        for place, given in zip(self._plan.inputs, inputs, strict=True):
            self._tensors[place].copy_(given)
        for instruction in self._plan.chains[0].instructions:
            self._execute(instruction.instr_args, delegate)
        return [self._tensors[place].clone() for place in self._plan.outputs]

    def _execute(self, step: Any, delegate: Delegate) -> None:
        match step:
            case schema.KernelCall():
                self._call(step)
            case schema.DelegateCall():
                tensors = [self._tensors[place] for place in step.args if place in self._tensors]
                outputs = delegate(step.delegate_index, tensors)
                for tensor, output in zip(tensors[len(tensors) - len(outputs) :], outputs, strict=True):
                    tensor.copy_(output)
            case schema.FreeCall():
                pass
            case _:
                raise _unknown(f"the instruction {type(step).__name__}")

    def _call(self, step: schema.KernelCall) -> None:
        """An operator's outputs are the last of its arguments, which come once more as what it returns."""
        name, operator = self._operators[step.op_index]
        if name == _VIEW:
            source, _, made = step.args[:3]
            self._tensors[made].copy_(self._tensors[source].reshape(self._tensors[made].shape))
            return
        if operator is None:
            raise _unknown(f"the operator {name}")
        arguments = operator._schema.arguments
        given = [self._argument(each, place) for each, place in zip(arguments, step.args, strict=False)]
        options = {each.name: value for each, value in zip(arguments, given, strict=True) if each.kwarg_only}
        found = operator(*given[: len(given) - len(options)], **options)
        if any(each.is_out for each in arguments):
            return
        outputs = [found] if isinstance(found, torch.Tensor) else list(found)
        for tensor, output in zip(self._written(step.args[len(arguments) :]), outputs, strict=False):
            tensor.copy_(output)

    def _written(self, places: Sequence[int]) -> Iterator[torch.Tensor]:
        """The tensors that a kernel writes, those of a list one by one."""
        for place in places:
            value = self._value(place)
            yield from value if isinstance(value, list) else [value]

    def _argument(self, argument: Any, place: int) -> Any:
        value = self._value(place)
        if "ScalarType" in str(argument.real_type) and isinstance(value, int):
            return _DTYPES[schema.ScalarType(value).name]
        return value

    def _value(self, place: int) -> Any:
        if place in self._tensors:
            return self._tensors[place]
        stored: Any = self._plan.values[place].val
        match stored:
            case schema.Null():
                return None
            case schema.IntList() | schema.TensorList() | schema.OptionalTensorList():
                return [None if item < 0 else self._value(item) for item in stored.items]
            case schema.DoubleList() | schema.BoolList():
                return list(stored.items)
            case _:
                return _number(stored)


def _number(stored: Any) -> Any:
    match stored:
        case schema.Int():
            return stored.int_val
        case schema.Double():
            return float(stored.double_val)
        case schema.Bool():
            return stored.bool_val
        case schema.String():
            return stored.string_val
        case _:
            raise _unknown(f"a value of the kind {type(stored).__name__}")


def _operator(name: str, overload: str) -> tuple[str, Any]:
    """The operator that gives what a kernel writes into its outputs, else one that writes; None without either."""
    namespace, _, plain = name.partition("::")
    if name == _VIEW:
        return name, None
    try:
        packet = getattr(getattr(torch.ops, namespace), plain)
        writing = getattr(packet, overload or "default")
    except AttributeError:
        return f"{name}.{overload}", None
    wanted = [_form(argument) for argument in writing._schema.arguments if not argument.is_out]
    for each in packet.overloads():
        candidate = getattr(packet, each)
        if [_form(argument) for argument in candidate._schema.arguments] == wanted:
            return name, candidate
    writes = any(torch._C._dispatch_has_kernel_for_dispatch_key(writing.name(), key) for key in _KEYS)
    return (name, writing) if writes else (f"{name}.{overload}", None)


def _form(argument: Any) -> tuple[str, str]:
    return argument.name, str(argument.type)


def _dtype(tensor: Any) -> torch.dtype:
    return _DTYPES[tensor.scalar_type.name]


def _options(specs: Sequence[Any]) -> dict[str, bytes]:
    return {each.key: bytes(each.value) for each in specs}


def _unknown(what: str) -> NotRunnable:
    return NotRunnable(
        f"the program has {what}, which cannot be executed here in place of the device",
        fix="run it on the device; the part of it that computes otherwise is not judged",
    )
