"""Finds out what a PyTorch source takes and gives, by loading it and running it once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from ..dynamic import apply_dynamic, resized
from ..errors import SourceError
from ..job import DescribeJob, Description
from ..sample_calls import calls_from_function
from ..signature import Signature, TensorSpec, spec_of
from ..tensors import write_calls
from ..versions import versions_of
from ..worker.stages import stage
from .flatten import FlatModule, named_outputs
from .program import flat_source

_COMPARED = ("float", "int", "bool")


def describe(job: DescribeJob) -> Description:
    """The signature of a source; raises SourceError if it cannot be loaded, run, or is not deterministic."""
    flat, tensors = flat_source(job.source, seed=job.seed)
    inputs = tuple(spec_of(name, tensor.numpy()) for name, tensor in zip(flat.input_names, tensors, strict=True))
    with stage("run"):
        outputs = run_flat(flat, tensors)
        _check_repeatable(flat, tensors, outputs)
    signature = Signature(inputs=inputs, outputs=tuple(spec_of(name, array) for name, array in outputs.items()))
    signature = apply_dynamic(signature, job.dynamic)
    signature = _with_dynamic_outputs(flat, tensors, signature)
    folder = Path(job.folder)
    example = {spec.name: tensor.numpy() for spec, tensor in zip(inputs, tensors, strict=True)}
    write_calls(folder / "examples.npz", [example])
    samples = None
    if job.samples:
        samples = str(folder / "user-samples.npz")
        write_calls(Path(samples), calls_from_function(job.samples, signature))
    return Description(
        source=job.source,
        signature=signature,
        examples=str(folder / "examples.npz"),
        samples=samples,
        parameters=sum(parameter.numel() for parameter in flat.parameters()),
        made_by=versions_of("torch"),
    )


def run_flat(flat: FlatModule, tensors: tuple[torch.Tensor, ...]) -> dict[str, np.ndarray]:
    """One call of the source: its outputs as arrays by name. Raises SourceError if the model raises."""
    try:
        with torch.no_grad():
            named = named_outputs(flat.call([tensor.clone() for tensor in tensors]))
    except SourceError:
        raise
    except Exception as error:
        shapes = ", ".join(f"{name}: {tensor.dtype} {list(tensor.shape)}" for name, tensor in _named(flat, tensors))
        raise SourceError(
            f"the model raised {type(error).__name__} on its example inputs ({shapes}): {error}",
            fix="check shapes and dtypes of the example inputs (--input)",
        ) from error
    return {name: tensor.detach().resolve_conj().resolve_neg().numpy() for name, tensor in named.items()}


def _named(flat: FlatModule, tensors: tuple[torch.Tensor, ...]) -> list[tuple[str, torch.Tensor]]:
    return list(zip(flat.input_names, tensors, strict=True))


def _check_repeatable(
    flat: FlatModule, tensors: tuple[torch.Tensor, ...], first: Mapping[str, np.ndarray]
) -> None:
    second = run_flat(flat, tensors)
    for name, array in first.items():
        if not np.array_equal(array, second[name], equal_nan=array.dtype.kind == "f"):
            raise SourceError(
                f"the model gave two different values of {name!r} for the same input",
                fix="take out what is random at inference: dropout called with training=True, sampling, noise",
            )


def _with_dynamic_outputs(
    flat: FlatModule, tensors: tuple[torch.Tensor, ...], signature: Signature
) -> Signature:
    """Output axes that follow a dynamic input dimension, found by running at another size of each."""
    outputs = list(signature.outputs)
    for dim in signature.dims:
        arrays = {spec.name: tensor.numpy() for spec, tensor in zip(signature.inputs, tensors, strict=True)}
        other = resized(arrays, signature, dim)
        found = run_flat(flat, tuple(torch.from_numpy(array) for array in other.values()))
        outputs = [_mark(spec, found[spec.name], dim.name) for spec in outputs]
    return Signature(inputs=signature.inputs, outputs=tuple(outputs), dims=signature.dims)


def _mark(spec: TensorSpec, array: np.ndarray, name: str) -> TensorSpec:
    shape = tuple(
        name if isinstance(old, int) and old != new else old for old, new in zip(spec.shape, array.shape, strict=True)
    )
    return TensorSpec(name=spec.name, dtype=spec.dtype, shape=shape)
