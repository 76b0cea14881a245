"""The framework stacks: what a worker's environment looks like and what it must never import."""

from __future__ import annotations

import os
import site
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from .confinement import kept_variables


class Stack(StrEnum):
    """A set of libraries that may share one process."""

    TORCH = "torch"
    TENSORFLOW = "tensorflow"
    KERAS_TORCH = "keras-torch"
    TF_KERAS = "tf-keras"
    RUNTIMES = "runtimes"
    MICRO = "micro"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRules:
    """What must be set before the first import, and which top-level packages are forbidden.

    `start_seconds` is about how long a new worker imports before it is of use; `also_serves` names the stacks
    whose jobs it can do as well, because it may import all that they need.
    """

    environment: dict[str, str] = field(default_factory=dict[str, str])
    forbidden: tuple[str, ...] = ()
    start_seconds: float
    also_serves: tuple[Stack, ...] = ()


# ONNX Runtime's Linux wheels report usage unless told not to; nobody asked for hub access either.
_QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TF_CPP_MIN_LOG_LEVEL": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONHASHSEED": "0",
    "TOKENIZERS_PARALLELISM": "false",
}

# torch and TensorFlow in one process crash in ways that depend on import order
# (https://github.com/tensorflow/tensorflow/issues/57669).
RULES = {
    Stack.TORCH: StackRules(environment=_QUIET, forbidden=("tensorflow",), start_seconds=2),
    Stack.TENSORFLOW: StackRules(
        environment={**_QUIET, "KERAS_BACKEND": "tensorflow"}, forbidden=("torch",), start_seconds=7
    ),
    # Keras 2, and whatever needs no Keras at all.
    Stack.TF_KERAS: StackRules(
        environment={**_QUIET, "KERAS_BACKEND": "tensorflow", "TF_USE_LEGACY_KERAS": "1"},
        forbidden=("torch",),
        start_seconds=7,
    ),
    Stack.KERAS_TORCH: StackRules(
        environment={**_QUIET, "KERAS_BACKEND": "torch"},
        forbidden=("tensorflow",),
        start_seconds=9,
        also_serves=(Stack.TORCH,),
    ),
    # Keras models go through the torch backend here too; a task says from where Arm's tools are imported (Task.site).
    Stack.MICRO: StackRules(
        environment={**_QUIET, "KERAS_BACKEND": "torch"}, forbidden=("tensorflow",), start_seconds=9
    ),
    Stack.RUNTIMES: StackRules(environment=_QUIET, forbidden=("torch", "tensorflow"), start_seconds=0.5),
}


_PATHS = "PYTHONPATH"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def environment_of(
    stack: Stack, *, scratch: Path, threads: int, confined: bool, site_folder: str = ""
) -> dict[str, str]:
    """The environment a worker of this stack starts with; what lies in `site_folder` is imported before all else.

    Temporary files go to `scratch`; native libraries use `threads` threads, since workers that each take all
    processors wait for one another. A confined worker gets no more of ours than a list allows, and lives in `scratch`.
    """
    counts = dict.fromkeys(_THREADS, str(threads))
    ours = {**dict(kept_variables(dict(os.environ))), **_home(scratch)} if confined else dict(os.environ)
    paths = [path for path in (site_folder, ours.get(_PATHS, "")) if path]
    first = {_PATHS: os.pathsep.join(paths)} if site_folder else {}
    return {**ours, **RULES[stack].environment, **counts, **first, "TMPDIR": str(scratch)}


def _home(scratch: Path) -> dict[str, str]:
    """A home in `scratch`; packages that were installed into the user's own are still found."""
    folders = {f"XDG_{name}_HOME": str(scratch / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    packages = {"PYTHONUSERBASE": site.getuserbase()} if site.ENABLE_USER_SITE else {}
    return {"HOME": str(scratch), **folders, **packages}
