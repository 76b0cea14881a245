"""Runs a TorchScript artifact and watches every operator that torch is asked for."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from ...converters.diagnosis_job import ExtractJob, Tap, TapJob, Taps
from ...converters.errors import NotRunnable
from ...converters.layouts import to_artifact
from ...converters.tensors import read_calls, write_calls
from .torch_tensors import as_tensor
from .torchscript import load_module


class _Watched(TorchDispatchMode):
    """Copies what operators give, and remembers by its memory and shape which of them a tensor came from."""

    def __init__(self, given: list[torch.Tensor], wanted: str | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch is typed in part
        self._given = {id(tensor) for tensor in given}
        self._wanted = wanted
        self.call: tuple[Any, Any, Any] | None = None
        self.taps: list[Tap] = []
        self.values: dict[str, torch.Tensor] = {}
        self._origins: dict[int, str] = {}
        self._kept: list[torch.Tensor] = []  # alive, so that no other tensor gets the identity of one that is gone

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        taken = {id(value) for value in pytree.tree_leaves((args, kwargs)) if isinstance(value, torch.Tensor)}
        if taken.isdisjoint(self._given | self._origins.keys()):  # computed of weights alone
            return func(*args, **(kwargs or {}))
        if str(len(self.taps)) == self._wanted:
            self.call = (func, *pytree.tree_map_only(torch.Tensor, torch.Tensor.clone, (args, kwargs or {})))
        given = func(*args, **(kwargs or {}))
        inputs = tuple(self._origins[each] for each in taken if each in self._origins)
        for value in pytree.tree_leaves(given):
            if isinstance(value, torch.Tensor):
                self._note(value, str(func), inputs)
        return given

    def _note(self, value: torch.Tensor, operator: str, inputs: tuple[str, ...]) -> None:
        name = str(len(self.taps))
        self.taps.append(Tap(name=name, operator=operator, inputs=inputs))
        self._origins[id(value)] = name
        self._kept.append(value)
        if value.is_floating_point():
            self.values[name] = value.detach().clone()
        elif value.is_quantized:
            self.values[name] = value.detach().dequantize()

    def origin(self, value: torch.Tensor) -> str:
        """The tap of a tensor; "" for an input or a constant that is handed on."""
        return self._origins.get(id(value), "")


def tap(job: TapJob) -> Taps:
    """Run on the first call, as the file says and not as the profiling executor would fuse it."""
    watched, leaves = _run(job)
    write_calls(Path(job.values), [{name: value.numpy() for name, value in watched.values.items()}])
    names = (spec.name for spec in job.artifact.signature.outputs)
    return Taps(
        taps=tuple(watched.taps),
        outputs={name: watched.origin(leaf) for name, leaf in zip(names, leaves, strict=True)},
        without="operator fusion",
    )


def extract(job: ExtractJob) -> int:
    """Write a module of the one operator, its tensors as inputs; returns the size of its file."""
    watched, _ = _run(job, wanted=job.tap)
    if watched.call is None:
        raise NotRunnable(f"the operator {job.tap} did not run again", fix="report it with the artifact")
    function, args, kwargs = watched.call
    leaves, tree = pytree.tree_flatten((args, kwargs))
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)
        module: Any = torch.jit.trace(_Operator(function, leaves, tree), tuple(tensors), check_trace=False)
        module.save(job.file)
    write_calls(Path(job.inputs), [{str(place): tensor.numpy() for place, tensor in enumerate(tensors)}])
    return Path(job.file).stat().st_size


class _Operator(torch.nn.Module):
    """One operator with the arguments that it was called with; its tensors are inputs."""

    def __init__(self, function: Any, leaves: list[Any], tree: Any) -> None:
        super().__init__()
        self._function, self._leaves, self._tree = function, leaves, tree

    def forward(self, *tensors: torch.Tensor) -> Any:
        """What the operator gives."""
        waiting = iter(tensors)
        leaves = [next(waiting) if isinstance(leaf, torch.Tensor) else leaf for leaf in self._leaves]
        args, kwargs = pytree.tree_unflatten(leaves, self._tree)
        return self._function(*args, **kwargs)


def _run(job: TapJob | ExtractJob, *, wanted: str | None = None) -> tuple[_Watched, list[torch.Tensor]]:
    """What was watched during the first call, and its output tensors."""
    module = load_module(job.artifact)
    call = to_artifact(next(read_calls(Path(job.calls))), job.artifact.layouts)
    tensors = [as_tensor(call[spec.name]) for spec in job.artifact.signature.inputs]
    plainly: Any = torch.jit
    watched = _Watched(tensors, wanted)
    with torch.no_grad(), plainly.optimized_execution(False), watched:
        given = module(*tensors)
    return watched, [leaf for leaf in pytree.tree_leaves(given) if isinstance(leaf, torch.Tensor)]
