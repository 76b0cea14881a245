"""Looks for hazards in an exported program, and in the artifact that was made of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..artifact import Format
from ..hazards import Hazard, HazardCode, notes_of
from ..inspection.hazards import hazards_in
from ..inspection.variants import Variants
from ..job import ConvertJob
from .passes.constants import constants_of
from .passes.fold_batch_norms import is_foldable
from .passes.node_writer import schema_arguments
from .program import TorchProgram
from .source_lines import place_of
from .variants import variants_of

_aten = torch.ops.aten
_STATISTICS = "a batch norm takes mean and variance from the batch that it is given, as in training"
_USE_STORED = "let it use stored statistics: eval(), training=False, track_running_stats=True"
_ACTIVE = "stays active at inference"
_TAKE_OUT = "call it with training=self.training, or take it out"
_DRAWS = "draws random numbers at inference: no two artifacts draw the same ones"
_HAND_OVER = "make the numbers outside and hand them over as an input"
_WIDE = "a float64 constant makes a float32 model compute in float64, which is slow and which LiteRT refuses"
_NARROW = "store it as float32: .float()"
_ALONE = "a batch norm stands alone and is not folded: one more pass over its input, and other roundings"
_FOLD = "put it behind a convolution or linear layer that nothing else reads, or fuse such branches (reparameterize)"
_REORDERED = "weights lie in channels_last order, and ExecuTorch reads inputs that an app hands over like that wrongly"
_CONTIGUOUS = "let the app hand over contiguous tensors"


def hazard_notes(job: ConvertJob, program: TorchProgram, payload: bytes) -> tuple[str, ...]:
    """What is known to go wrong with an artifact, in its source and in what was made of it."""
    exported: ExportedProgram | None = vars(program).get("source_program")
    if exported is None:  # scripts whose control flow torch.export cannot follow
        return notes_of(hazards_in(payload, job.format, program.signature, Variants()))
    made = hazards_in(payload, job.format, program.signature, variants_of(exported))
    return notes_of((*hazards_before(exported), *_of_format(job, program), *made))


def hazards_before(program: ExportedProgram) -> Iterator[Hazard]:
    """What stays in training mode, is random, or computes in float64 by accident."""
    for node in program.graph.nodes:
        if isinstance(node.target, torch._ops.OpOverload):
            hazard = _training(node)
            if hazard is not None:
                yield hazard
    places = tuple(place_of(node) for node in _widened(program))
    if places:
        yield Hazard(code=HazardCode.FLOAT64, reason=_WIDE, fix=_NARROW, places=places)


def _training(node: fx.Node) -> Hazard | None:
    target: Any = node.target
    given = schema_arguments(node)
    places = (place_of(node),)
    if target is _aten.batch_norm.default:
        trains = HazardCode.TRAINING_MODE
        return Hazard(code=trains, reason=_STATISTICS, fix=_USE_STORED, places=places) if given["training"] else None
    if torch.Tag.nondeterministic_seeded not in target.tags or not _draws(given):
        return None
    name = target._schema.name.rpartition("::")[2].rstrip("_")
    if given.keys() & {"train", "training", "dropout_p"}:
        return Hazard(code=HazardCode.TRAINING_MODE, reason=f"{name} {_ACTIVE}", fix=_TAKE_OUT, places=places)
    return Hazard(code=HazardCode.RANDOM_OPERATOR, reason=f"{name} {_DRAWS}", fix=_HAND_OVER, places=places)


def _draws(given: dict[str, Any]) -> bool:
    """Whether an operator that may draw random numbers does, by the arguments that switch it off."""
    switches = [given[name] for name in ("train", "training", "dropout_p", "p", "dropout") if name in given]
    return all(bool(value) for value in switches if not isinstance(value, fx.Node))


def _widened(program: ExportedProgram) -> Iterator[fx.Node]:
    """Where what is float64 whatever the inputs are meets float32, and wins; nothing in a model that takes float64."""
    taken = list(_inputs(program))
    if any(_dtype(node) is torch.float64 for node in taken):
        return
    varying = set(taken)
    for node in program.graph.nodes:
        if not varying.isdisjoint(node.all_input_nodes):
            varying.add(node)
            fixed = [_dtype(given) for given in node.all_input_nodes if given not in varying]
            moving = [_dtype(given) for given in node.all_input_nodes if given in varying]
            if _dtype(node) is torch.float64 and torch.float64 in fixed and torch.float32 in moving:
                yield node


def _inputs(program: ExportedProgram) -> Iterator[fx.Node]:
    names = set(program.graph_signature.user_inputs)
    yield from (node for node in program.graph.find_nodes(op="placeholder") if node.name in names)


def _dtype(node: fx.Node) -> torch.dtype | None:
    value = node.meta.get("val")
    return value.dtype if isinstance(value, torch.Tensor) else None


def _of_format(job: ConvertJob, program: TorchProgram) -> Iterator[Hazard]:
    """What matters in some formats alone: TorchScript computes operator by operator as its source does."""
    constants = constants_of(program.exported)
    if job.format != Format.TORCHSCRIPT and not job.precision.is_quantized:
        norms = program.exported.graph.find_nodes(op="call_function", target=_aten.batch_norm.default)
        alone = tuple(place_of(norm) for norm in norms if not (is_foldable(norm, constants) or norm.args[5]))
        if alone:
            yield Hazard(code=HazardCode.STANDALONE_BATCH_NORM, reason=_ALONE, fix=_FOLD, places=alone)
    if job.format == Format.EXECUTORCH:
        moved = {name for name, value in constants.items() if is_channels_last(value)}
        nodes = program.exported.graph.find_nodes(op="placeholder")
        places = tuple(place_of(user) for node in nodes if node.name in moved for user in node.users)
        if moved:
            yield Hazard(code=HazardCode.CHANNELS_LAST, reason=_REORDERED, fix=_CONTIGUOUS, places=places)


def is_channels_last(tensor: torch.Tensor) -> bool:
    """Whether the channels of an image are what lies closest together, and not its rows."""
    return tensor.dim() == 4 and not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)
