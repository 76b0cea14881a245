"""Reads and changes the tensors that a program carries: parameters, buffers and constants."""

from __future__ import annotations

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, InputSpec, TensorArgument

from .node_writer import ProgramEdit

_STORED = (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)


def constants_of(program: ExportedProgram) -> dict[str, torch.Tensor]:
    """The tensors that never change while the program runs, by the name of their placeholder."""
    signature = program.graph_signature
    mutated = set(signature.buffers_to_mutate.values()) | set(signature.parameters_to_mutate.values())
    found: dict[str, torch.Tensor] = {}
    for spec in signature.input_specs:
        if spec.kind in _STORED and spec.target not in mutated and spec.target is not None:
            held = program.state_dict.get(spec.target, program.constants.get(spec.target))
            if isinstance(held, torch.Tensor):
                found[spec.arg.name] = held
    return found


class ConstantEdit(ProgramEdit):
    """An edit of a program that may also give it other constants."""

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__(program)
        self._state = dict(program.state_dict)
        self._constants = dict(program.constants)
        self._targets = {spec.arg.name: spec for spec in self.signature.input_specs if spec.kind in _STORED}

    def add(self, name: str, value: torch.Tensor) -> fx.Node:
        """A new constant; the name is made unique."""
        target = name
        while target in self._constants or target in self._state:
            target += "_"
        self._constants[target] = value
        # After those there are, before what the caller gives: the order that every trace would restore.
        place = sum(spec.kind in _STORED for spec in self.signature.input_specs)
        with self.graph.inserting_before(list(self.graph.nodes)[place]):
            node = self.graph.placeholder(f"c_{target}")
        with self.fake_mode:
            node.meta["val"] = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype)
        spec = InputSpec(InputKind.CONSTANT_TENSOR, TensorArgument(node.name), target)
        self.signature.input_specs.insert(place, spec)
        return node

    def set(self, node: fx.Node, value: torch.Tensor) -> None:
        """Another tensor of the same shape and dtype in the place of one."""
        target = self._targets[node.name].target
        store = self._state if target in self._state else self._constants
        is_parameter = isinstance(store[target], torch.nn.Parameter)
        store[target] = torch.nn.Parameter(value, requires_grad=False) if is_parameter else value
        with self.fake_mode:
            fake = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype)
        node.meta["val"] = torch.nn.Parameter(fake, requires_grad=False) if is_parameter else fake

    def drop_unused(self) -> None:
        """Forget constants that nothing uses any more."""
        for node in list(self.graph.find_nodes(op="placeholder")):
            if node.name in self._targets and not node.users:
                spec = self._targets.pop(node.name)
                self.signature.input_specs.remove(spec)
                self.graph.erase_node(node)
        kept = {spec.target for spec in self.signature.input_specs}
        self._state = {name: value for name, value in self._state.items() if name in kept}
        self._constants = {name: value for name, value in self._constants.items() if name in kept}

    def program(self) -> ExportedProgram:
        """The edited program with its constants."""
        self.graph.lint()
        self.module.recompile()
        return self._program._update(self.module, self.signature, state_dict=self._state, constants=self._constants)
