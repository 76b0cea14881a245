"""The environment of the micro-edge backends: Arm's compiler and the interpreters that compute on their behalf.

Their pins of flatbuffers and ml_dtypes are other than those of TensorFlow, ONNX and LiteRT. So they lie in a folder of
their own, which workers of one stack put before everything else that is installed; torch and ExecuTorch are the host's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

from ...converters.errors import NotRunnable
from ...converters.worker.stacks import Stack
from .architecture import ARCHITECTURES, this_machine
from .installation.parts import Building, Built, Wheels
from .installation.store import Part, Store
from .installation.wheels import require_pip
from .places import targets_folder

NAME = "ethos-u"
PACKAGES = "packages"
FIX = f"edgeproof targets install {NAME}"
_PYTHON = "python"
# tosa-tools 2026.5.0 asks for exactly these of flatbuffers and ml_dtypes. tflite-micro has development releases alone.
_REQUIREMENTS = (
    "ethos-u-vela==5.1.0",
    "tosa-tools==2026.5.0",
    "flatbuffers==25.2.10",
    "ml_dtypes==0.5.1",
    "tflite-micro>=0.dev20260101",
)
# What tosa-tools has beside the reference model and the serialiser, under names that others have too.
_LEFT_OUT = (
    *("bin", "include", "lib", "lib64", "notice.txt", "tests", "conformance", "checker", "convert2conformance"),
    *("frameworks", "generator", "json2fbbin", "json2numpy", "runner", "schemavalidation", "serializer", "tosa"),
    *("tosa_tools_cli", "tosa_types", "xunit"),
)


def _pinned(requirement: str) -> Callable[[], str]:
    return lambda: requirement


_WHEELS = Wheels(tuple(map(_pinned, _REQUIREMENTS)), _LEFT_OUT)


def _this_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _build(building: Building) -> Built:
    """Install for the interpreter that runs this: its workers are to import it."""
    facts = {_PYTHON: _this_python()}
    return replace(_WHEELS(replace(building, facts=facts)), facts=facts)


def store() -> Store:
    """Where it lies; raises NotRunnable on a machine for which there are no such wheels."""
    fitting = [known for known in ARCHITECTURES.values() if known.machine == this_machine()]
    if sys.platform != "linux" or not fitting:
        raise NotRunnable(
            f"there are no packages of Arm's micro-edge tools for {sys.platform} on {this_machine()}",
            fix="convert for these backends under Linux",
        )
    return Store(targets_folder() / NAME, fitting[0])


def installed() -> bool:
    """Whether it stands whole, of the versions wanted, and for this interpreter."""
    try:
        part = store().part(PACKAGES)
    except NotRunnable:
        return False
    return part is not None and _fits(part)


def _fits(part: Part) -> bool:
    return part.built.recipe == _WHEELS.recipe_for(_this_python()) and part.built.facts.get(_PYTHON) == _this_python()


def install() -> Part:
    """Install it, or leave it as it stands; raises NotRunnable. What was begun and killed is cleared away."""
    here = store()
    require_pip()
    with here.locked():
        part = here.part(PACKAGES)
        if part is None or not _fits(part):
            part = here.build(PACKAGES, _build)
        here.write_lock()
        return part


def remove() -> int:
    """Remove it; returns the bytes that it held."""
    return store().remove()


def site_of(stack: Stack) -> str:
    """The folder that workers of a stack import from before all others; empty for stacks that need none."""
    return str(store().place(PACKAGES)) if stack is Stack.MICRO else ""


def missing_for(stack: Stack) -> NotRunnable | None:
    """Why jobs of a stack cannot run here; None if they can."""
    if stack is not Stack.MICRO or installed():
        return None
    return NotRunnable("the tools of the micro-edge backends are not installed", fix=FIX)
