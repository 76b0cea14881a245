"""Sums up what has functions to call: exported programs of torch, and SavedModels."""

from __future__ import annotations

from pathlib import Path

from ..checkpoints.exported_program import ProgramTensor, read_exported_program
from ..checkpoints.folders import SAVED_MODEL_FILE
from ..checkpoints.saved_model import GraphFunction, GraphTensor, SavedModelGraph, read_saved_model
from ..checkpoints.variables_index import Variable, read_variables
from .checkpoint_findings import CheckpointContents, Function
from .checkpoint_tree import memory_of, prefixes_of, tensor_facts
from .findings import NamedTensor, TensorFacts
from .weights import ranked

_VARIABLES = Path("variables", "variables.index")
_INITIALISER = "__saved_model_init_op"
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_NO_VARIABLES = frozenset({"_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter/.ATTRIBUTES/VARIABLE_VALUE"})
# Operators that reach beyond the model's own tensors: Python functions and files.
_REACHING_OUT = frozenset("PyFunc PyFuncStateless EagerPyFunc ReadFile WriteFile MatchingFiles PrintV2".split())


def exported_program_contents(path: Path) -> CheckpointContents:
    """What torch.export.save wrote."""
    found = read_exported_program(path)
    writer = f"torch {found.version}, " if found.version else ""
    return CheckpointContents(
        writer=f"{writer}schema {found.schema}",
        tensors=tuple(tensor_facts(name, tensor) for name, tensor in found.tensors.items()),
        memory_bytes=memory_of(found.tensors.values()),
        prefixes=tuple(prefixes_of("", found.tensors)),
        functions=(
            Function(
                name="forward",
                inputs=tuple(map(_of_program, found.inputs)),
                outputs=tuple(map(_of_program, found.outputs)),
            ),
        ),
        operators=ranked(found.operators),
        globals=found.globals,
        refused=found.refused,
    )


def saved_model_files(folder: Path) -> list[Path]:
    """Every file that belongs to a SavedModel."""
    found = [folder / SAVED_MODEL_FILE]
    variables = folder / _VARIABLES
    if variables.is_file():
        shards = sorted(variables.parent.glob("variables.data-*"))
        found += [variables, *(shard for shard in shards if shard.is_file() and not shard.is_symlink())]
    return found


def saved_model_contents(folder: Path) -> CheckpointContents:
    """What a SavedModel's graphs and its variables' index say."""
    graphs = read_saved_model(folder)
    index = folder / _VARIABLES
    variables = [each for each in read_variables(index) if each.name not in _NO_VARIABLES] if index.is_file() else []
    tensors = tuple(map(_of_variable, variables))
    operators = {name: count for graph in graphs for name, count in graph.operators.items()}
    return CheckpointContents(
        writer=next((f"TensorFlow {graph.version}" for graph in graphs if graph.version), None),
        tensors=tensors,
        memory_bytes=sum(each.bytes for each in variables),
        functions=tuple(
            _function(each) for graph in graphs for each in graph.signatures if not each.key.startswith("__")
        ),
        operators=ranked(operators),
        refused=tuple(sorted(_REACHING_OUT & operators.keys())),
        metadata={"tags": ", ".join(tag for graph in graphs for tag in graph.tags)},
        notes=tuple(_notes(graphs, has_variables=index.is_file())),
    )


def _notes(graphs: list[SavedModelGraph], *, has_variables: bool) -> list[str]:
    notes = [] if has_variables else ["stores no variables"]
    if len(graphs) > 1:
        notes.append(f"holds {len(graphs)} graphs with tags of their own")
    assets = [name for graph in graphs for name in graph.assets]
    return [*notes, f"reads files beside it: {', '.join(assets[:4])}"] if assets else notes


def _function(found: GraphFunction) -> Function:
    return Function(
        name=found.key, inputs=tuple(map(_of_graph, found.inputs)), outputs=tuple(map(_of_graph, found.outputs))
    )


def _of_graph(tensor: GraphTensor) -> TensorFacts:
    return TensorFacts(name=tensor.key, dtype=tensor.dtype, shape=_sizes(tensor.shape))


def _of_program(tensor: ProgramTensor) -> TensorFacts:
    return TensorFacts(name=tensor.name or None, dtype=tensor.dtype, shape=_sizes(tensor.shape))


def _sizes(shape: tuple[int | None, ...] | None) -> tuple[int | str, ...] | None:
    return None if shape is None else tuple("?" if size is None else size for size in shape)


def _of_variable(variable: Variable) -> NamedTensor:
    name = variable.name.removesuffix(_VALUE)
    return NamedTensor(name=name, dtype=variable.dtype, shape=variable.shape, bytes=variable.bytes)
