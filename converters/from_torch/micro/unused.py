"""Takes constants out of a program that nothing reads: they would fill a microcontroller's flash."""

from __future__ import annotations

import copy
from typing import Any

from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, InputSpec

_CONSTANT = (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)


def drop_unused(program: ExportedProgram) -> None:
    """Remove them, in place: ExecuTorch 1.5 writes every constant that a program has.

    Its rewriting for Cortex-M leaves the weights of every convolution twice, once in the order that nothing reads.
    """
    placeholders = {node.name: node for node in program.graph.find_nodes(op="placeholder")}
    unused = [spec for spec in program.graph_signature.input_specs if _is_unused(spec, placeholders)]
    signature = copy.copy(program.graph_signature)
    signature.input_specs = [spec for spec in signature.input_specs if spec not in unused]
    targets = {spec.target for spec in signature.input_specs}
    for spec in unused:
        program.graph.erase_node(placeholders[spec.arg.name])
        if spec.target not in targets:
            program.state_dict.pop(str(spec.target), None)
            program.constants.pop(str(spec.target), None)
    program._graph_signature = signature
    program.graph_module.recompile()


def _is_unused(spec: InputSpec, placeholders: dict[str, Any]) -> bool:
    return spec.kind in _CONSTANT and not placeholders[spec.arg.name].users
