"""A PyTorch source as all formats take it: flat module, example tensors, signature, exported program."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import torch
from torch.utils import _pytree as pytree

from ..dynamic import resized
from ..errors import ConversionError, DataDependent, EdgeproofError, InputError
from ..example_inputs import inputs_from
from ..fingerprint import fingerprint, require_same
from ..job import ConvertJob, ConvertOptions, Layout
from ..layouts import layouts_of, move_axes
from ..precision import Precision
from ..signature import Signature
from ..source import Source, SourceKind
from ..tensors import Call, read_calls
from ..worker.stages import stage
from .flatten import FlatModule, arguments_from
from .half import half_program
from .layout import relay
from .load import load
from .opening.opened import Opened
from .passes.drop_aliases import drop_aliases
from .passes.reroll_cells import reroll_cells
from .quantization.prepare import prepared
from .quantization.quantization import Quantization, read_quantization, require_fit
from .recurrent_shapes import quick_recurrent_cells, whole_recurrent_layers
from .script_call import script_as_program
from .weights import weights_of


class TorchProgram:
    """The flat module in evaluation mode with its example inputs; `exported` is made once, when asked for.

    `precision` is the one it is lowered in; `quantization` says how it is quantised, None where it stays in float.
    """

    precision: Precision = Precision.FP32
    quantization: Quantization | None = None

    def __init__(
        self,
        module: torch.nn.Module,
        examples: tuple[torch.Tensor, ...],
        signature: Signature,
        layouts: dict[str, str] | None = None,
    ) -> None:
        self.layouts = layouts or {}
        self.module, self.examples = relay(module, examples, self.layouts, signature)
        self.signature = move_axes(signature, self.layouts)

    @functools.cached_property
    def source_program(self) -> torch.export.ExportedProgram:
        """The source by torch.export, recurrent layers and loops of cells as one operator each.

        It is shared, and not to be changed in place.

        Raises DataDependent where control flow depends on values, ConversionError with the line of the
        model for everything else that torch.export refuses.
        """
        with stage("export"), torch.no_grad(), whole_recurrent_layers(), quick_recurrent_cells():
            return reroll_cells(drop_aliases(self._export()))

    @property
    def exported(self) -> torch.export.ExportedProgram:
        """The program that conversions start from; shared in the same way."""
        return self.source_program

    def in_precision(self, job: ConvertJob) -> TorchProgram:
        """The program in the precision of a job; raises UsageError for the recipe of another model."""
        if job.precision is Precision.FP32:
            return self
        changed = copy.copy(self)
        changed.precision = job.precision
        if job.recipe is not None:
            changed.quantization = read_quantization(Path(job.recipe))
            require_fit(changed.quantization.recipe, prepared(self.exported))
        return changed

    def to_lower(self, *, whole_recurrent: bool = False) -> torch.export.ExportedProgram:
        """The program that formats are made of: `exported`, quantised or in float16 as the precision asks.

        `whole_recurrent` leaves recurrent layers of a quantised program as one operator each.
        """
        if self.precision is Precision.FP16:
            return half_program(self.exported, _dynamic_shapes(self.signature))
        if self.quantization is not None:
            return self.quantization.quantized(self.exported, whole_recurrent=whole_recurrent)
        return self.exported

    def _examples_to_export(self) -> tuple[torch.Tensor, ...]:
        """The examples with at least two along dynamic axes: torch.export takes a size of 1 for a fixed one."""
        names = [spec.name for spec in self.signature.inputs]
        arrays: Call = {name: tensor.numpy() for name, tensor in zip(names, self.examples, strict=True)}
        for dim in self.signature.dims:
            if any(
                arrays[spec.name].shape[axis] < 2
                for spec in self.signature.inputs
                for axis in spec.dynamic_axes
                if spec.shape[axis] == dim.name
            ):
                arrays = resized(arrays, self.signature, dim, size=2)
        return tuple(torch.from_numpy(arrays[name]) for name in names) if self.signature.dims else self.examples

    def _export(self) -> torch.export.ExportedProgram:
        examples = self._examples_to_export()
        try:
            with script_as_program(self.module, examples):
                return torch.export.export(
                    self.module, examples, dynamic_shapes=_dynamic_shapes(self.signature), strict=False
                )
        except EdgeproofError:
            raise
        except Exception as error:
            raise _explained(error) from error


def _explained(error: Exception) -> ConversionError:
    text = str(error).strip()
    summary = text.splitlines()[0] if text else type(error).__name__
    if "data-dependent" in text or "GuardOnDataDependent" in type(error).__name__:
        return DataDependent(
            f"the model's control flow depends on tensor values{_line_of_model(text)}",
            fix="use torch.where or torch.cond there; TorchScript alone can hold it (--to torchscript)",
        )
    if "Constraints violated" in text or "constraint" in summary.lower():
        return ConversionError(
            f"a dynamic dimension cannot stay dynamic: {_first_reason(text)}",
            fix="narrow its bounds with --dynamic, or leave the dimension fixed",
        )
    return ConversionError(
        f"torch.export refused the model: {type(error).__name__}: {summary}{_line_of_model(text)}",
        fix="read the log; the line named above is where the model leaves what torch.export can follow",
    )


def _line_of_model(text: str) -> str:
    """The last user frame in torch.export's message, if it shows one."""
    frames = [line.strip() for line in text.splitlines() if line.strip().startswith('File "')]
    own = [frame for frame in frames if "/torch/" not in frame]
    return f" ({own[-1]})" if own else ""


def _first_reason(text: str) -> str:
    lines = [line.strip(" -") for line in text.splitlines() if line.strip().startswith("-")]
    return lines[0] if lines else text.splitlines()[0]


def _dynamic_shapes(signature: Signature) -> tuple[tuple[dict[int, Any], ...]] | None:
    """torch.export's form of the signature's dynamic dimensions (all inputs are one variadic argument)."""
    if not signature.dims:
        return None
    dims = {dim.name: torch.export.Dim(dim.name, min=dim.min, max=dim.max) for dim in signature.dims}
    return (tuple({axis: dims[str(spec.shape[axis])] for axis in spec.dynamic_axes} for spec in signature.inputs),)


@functools.lru_cache(maxsize=1)
def _loaded(source: Source) -> tuple[Opened, str]:
    """The opened source and its fingerprint, taken at once: lazy layers change when they first run."""
    with stage("load"):
        opened = load(source)
        made = fingerprint(weights_of(opened.module)) if source.kind is SourceKind.FACTORY else ""
    opened.module.requires_grad_(requires_grad=False)
    return opened, made


def fingerprint_of(source: Source) -> str:
    """That of the weights as the source's factory built them; empty for a source that was not built by one."""
    return _loaded(source)[1]


def notes_on(source: Source) -> tuple[str, ...]:
    """What opening the source found that its user should know."""
    return _loaded(source)[0].notes


def given_inputs(source: Source) -> Any:
    """The example inputs as they were given, in the user's nesting; None if nobody gives any."""
    return inputs_from(source.inputs) if source.inputs else _loaded(source)[0].examples


def flat_source(source: Source) -> tuple[FlatModule, tuple[torch.Tensor, ...]]:
    """The source as a flat module and its example tensors; InputError if nobody gives example inputs."""
    module, given = _loaded(source)[0].module, given_inputs(source)
    if given is None:
        raise InputError(
            "the model does not say what its inputs are",
            fix='give one --input per input, such as --input "image:float32[1,3,224,224]", or return (model, inputs)',
        )
    arguments = arguments_from(module, given)
    flat = FlatModule(module, arguments).eval()
    return flat, tuple(leaf for leaf in pytree.tree_leaves(arguments) if isinstance(leaf, torch.Tensor))


def program_of(job: ConvertJob) -> TorchProgram:
    """The program a conversion starts from; jobs on the same source share one within a worker.

    Raises SourceError if the source's factory built another model than the one that was described.
    """
    if job.fingerprint is not None:
        require_same(fingerprint_of(job.source), job.fingerprint)
    return _program(job.source, job.signature, job.examples, job.options).in_precision(job)


@functools.lru_cache(maxsize=1)
def _program(source: Source, signature: Signature, examples: str, options: ConvertOptions) -> TorchProgram:
    flat, _ = flat_source(source)
    call = next(read_calls(Path(examples)))
    tensors = tuple(torch.from_numpy(call[spec.name]) for spec in signature.inputs)
    return TorchProgram(flat, tensors, signature, layouts_of(signature, options, of_source=Layout.NCHW))
