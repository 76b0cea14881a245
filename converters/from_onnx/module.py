"""An ONNX graph as a torch module that torch.export can export."""

from __future__ import annotations

import re
from collections.abc import Mapping

import onnx
import torch
from onnx import inliner
from torch import Tensor

from ..errors import InputError
from .graph import CORE_DOMAINS, Graph, Program, read_program
from .host_inputs import read_as_data
from .interpreter import SUPPORTED, run_graph, run_node
from .rewriting.order import rewrite
from .unsupported import refuse_old, refuse_unsupported
from .values import Known, Value, as_tensor, known_constant


class OnnxModule(torch.nn.Module):
    """The graph of an ONNX model: tensors in, in the order of its inputs; a tuple out, in the order of its outputs.

    Weights are parameters (without gradient) or, where they are not floats, buffers.
    """

    def __init__(self, program: Program, *, input_names: tuple[str, ...], output_names: tuple[str, ...]) -> None:
        super().__init__()
        self.input_names = input_names
        self.output_names = output_names
        self._graph: Graph = program.graph
        self._places: dict[str, str] = {}
        self._numbers: dict[str, Known] = {}
        as_data = read_as_data(program.graph)
        for name, tensor in sorted(program.weights.items()):
            value = known_constant(tensor)
            if isinstance(value, Known):
                self._numbers[name] = Known(value.numbers, value.dtype)
            if isinstance(value, Tensor) or (value.numbers.size != 1 and name in as_data):
                self._keep(name, tensor)
        self.eval()

    def _keep(self, name: str, tensor: Tensor) -> None:
        place = _identifier(name, set(self._places.values()) | set(dir(self)))
        self._places[name] = place
        if tensor.dtype.is_floating_point:
            self.register_parameter(place, torch.nn.Parameter(tensor, requires_grad=False))
        else:
            self.register_buffer(place, tensor)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Run the graph; raises InputError when the number of tensors is not that of the inputs."""
        if len(tensors) != len(self.input_names):
            raise InputError(
                f"the graph has {len(self.input_names)} inputs ({', '.join(self.input_names)}), "
                f"and {len(tensors)} tensors were given",
                fix="pass one tensor per input, in this order",
            )
        values: dict[str, Value] = dict(self._weights())
        values.update(zip(self._graph.inputs, tensors, strict=True))
        return tuple(as_tensor(value) for value in run_graph(self._graph, values))

    def _weights(self) -> Mapping[str, Value]:
        """Every weight as the parameter or buffer of this moment: tracing puts its own in their place."""
        held: dict[str, Value] = dict(self._numbers)
        for name, place in self._places.items():
            tensor: Tensor = getattr(self, place)
            numbers = self._numbers.get(name)
            held[name] = tensor if numbers is None else Known(numbers.numbers, numbers.dtype, tensor)
        return held


def _identifier(name: str, taken: set[str]) -> str:
    """A name that a module may give to a weight: letters, digits and underscores, used once."""
    plain = re.sub(r"\W+", "_", name).strip("_") or "weight"
    plain = f"weight_{plain}" if plain[0].isdigit() else plain
    result, count = plain, 1
    while result in taken:
        count += 1
        result = f"{plain}_{count}"
    return result


def module_from_onnx(model: onnx.ModelProto) -> OnnxModule:
    """The model as a torch module in evaluation mode.

    The weights must be inside the model. Raises UnsupportedOperators, naming all of them at once,
    when the graph holds operators or element types without a torch form.
    """
    if model.functions:
        model = inliner.inline_local_functions(model)
    refuse_old(max((int(entry.version) for entry in model.opset_import if entry.domain in CORE_DOMAINS), default=1))
    program = read_program(model)
    refuse_unsupported(program.graph, SUPPORTED)
    outputs = tuple(value.name for value in model.graph.output)
    return OnnxModule(rewrite(program, run_node), input_names=program.graph.inputs, output_names=outputs)


__all__ = ["OnnxModule", "module_from_onnx"]
