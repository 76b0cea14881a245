"""Makes one LiteRT file with open sizes of files with fixed ones, since litert-torch lowers fixed sizes alone.

litert-torch 0.10.0 has no symbolic sizes: its way through JAX needs every number. The same program at several sizes
gives the same graph with other numbers in it, and where numbers differ they follow the open sizes: they become -1
where the format has that, and are else computed when the model runs. What differs in any other way is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch.export import ExportedProgram

from ..errors import ConversionError
from .litert_differences import refuse_differences
from .litert_file import read_model, write_model
from .litert_open_constants import OpenConstants
from .litert_scan import whole_loops
from .litert_sizes import GraphWriter, KnownSizes
from .static_sizes import EVEN, MIXED, ODD, at_sizes, largest_sizes, sizes_to_compare, smallest_sizes

Lower = Callable[[ExportedProgram], bytes]


def with_open_sizes(program: ExportedProgram, lower: Lower) -> bytes:
    """The LiteRT file of a program with open sizes; `lower` makes that of one without.

    Raises ConversionError where the graph depends on these sizes in a way that the file cannot hold.
    """
    files = _Files(program, lower)
    merged = _merged(files, sizes_to_compare(program, MIXED))
    for remainders in (EVEN, ODD):
        if merged.other_graphs:
            merged = _merged(files, sizes_to_compare(program, remainders))
    return merged.payload()


def _merged(files: _Files, chosen: Sequence[Mapping[str, int]]) -> _Merged:
    """Of two files, or of three where two do not tell enough."""
    merged = _Merged(files, chosen[:2])
    if merged.grows and chosen[1] != files.largest:
        return _Merged(files, [*chosen[:2], files.largest])
    return _Merged(files, chosen) if merged.guesses and len(chosen) > 2 else merged


class _Files:
    """The files of one program with fixed sizes, each made once."""

    def __init__(self, program: ExportedProgram, lower: Lower) -> None:
        self.smallest, self.largest = smallest_sizes(program), largest_sizes(program)
        self._program = program
        self._lower = lower
        self._made: dict[tuple[int, ...], bytes] = {}

    def at(self, sizes: Mapping[str, int]) -> bytes:
        """The file with these sizes, by their symbols."""
        key = tuple(sizes.values())
        if key not in self._made:
            with whole_loops(key):
                self._made[key] = self._lower(at_sizes(self._program, sizes))
        return self._made[key]


class _Merged:
    """One model of the same program's models at several sizes.

    `guesses` and `grows` are those of its constants; `other_graphs` says that the models have not even the same
    operators, as with strided windows, which the converter writes in another way where they end evenly.
    """

    def __init__(self, files: _Files, chosen: Sequence[Mapping[str, int]]) -> None:
        self._models = [read_model(files.at(sizes)) for sizes in chosen]
        self._at_rest = {tuple(sizes[symbol] for sizes in chosen): low for symbol, low in files.smallest.items()}
        self._refusal: ConversionError | None = None
        self.guesses = self.grows = self.other_graphs = False
        try:
            refuse_differences(self._models)
        except ConversionError as error:
            self._refusal, self.other_graphs = error, True
            return
        try:
            for graphs in zip(*(model.subgraphs for model in self._models), strict=True):
                self._open(graphs)
        except ConversionError as error:
            self._refusal = error

    def payload(self) -> bytes:
        """The model as a file; raises ConversionError if it cannot be one."""
        if self._refusal is not None:
            raise self._refusal
        return write_model(self._models[0])

    def _open(self, graphs: Sequence[Any]) -> None:
        """Let everything in a subgraph follow the open sizes of its inputs."""
        graph = graphs[0]
        shapes = [[tensor.shape for tensor in tensors] for tensors in zip(*(g.tensors for g in graphs), strict=True)]
        known, writer = KnownSizes(), GraphWriter(self._models[0], graph)
        constants = OpenConstants(self._models, graphs, writer)
        for index in graph.inputs:
            known.add(index, shapes[index])
        for operator in graph.operators:
            constants.open(operator, known)
            writer.operators.append(operator)
            for index in operator.outputs:
                known.add(index, shapes[index])
        constants.open_outputs(known)
        graph.operators = writer.operators
        self.guesses |= constants.guesses
        self.grows |= constants.grows
        for tensor, its_shapes in zip(graph.tensors, shapes, strict=False):
            self._sign(tensor, its_shapes)

    def _sign(self, tensor: Any, shapes: Sequence[Sequence[int]]) -> None:
        """Declare the open sizes of a tensor; until someone resizes, the smallest allowed or 1 stands for each."""
        sizes = [tuple(map(int, axis)) for axis in zip(*shapes, strict=True)]
        opened = [len(set(axis)) > 1 for axis in sizes]
        if any(opened):
            tensor.shapeSignature = np.where(opened, -1, tensor.shape).astype(np.int32)
            rest = [self._at_rest.get(axis, 1) for axis in sizes]
            tensor.shape = np.where(opened, rest, tensor.shape).astype(np.int32)
