"""The C++ examples of a bundle, compiled as their first lines say, and what a run of an example says."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgeproof.converters.errors import NotRunnable
from edgeproof.validators.targets.installation.deb_file import unpack
from edgeproof.validators.targets.installation.debian import Archive

_HEADER = "onnxruntime_cxx_api.h"
_SYSTEM = Path("/usr/include/onnxruntime")
_RELEASE = "trixie"  # the first release of Debian whose archive has ONNX Runtime's headers
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def onnx_headers(factory: pytest.TempPathFactory) -> Path:
    """ONNX Runtime's headers, which its wheel does not have: the system's, or those of Debian's package."""
    return _SYSTEM if (_SYSTEM / _HEADER).exists() else _unpacked(factory.getbasetemp() / "onnx-headers")


@cache
def _unpacked(folder: Path) -> Path:
    folder.mkdir()
    try:
        archive = Archive(_ARCHITECTURES[platform.machine()], folder / "apt", release=_RELEASE)
        archive.update()
        (package,) = archive.download(["libonnxruntime-dev"])
        unpack(package, folder, wanted=lambda name: name.startswith("usr/include/"))
    except NotRunnable as error:
        pytest.skip(f"ONNX Runtime's headers cannot be had here: {error}")
    return folder / "usr/include/onnxruntime"


def _package(name: str) -> Path:
    found = find_spec(name)
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0])


def outcome(command: Sequence[str | Path]) -> tuple[int, list[str]]:
    """The exit code of a command, and the lines that it printed; of one that failed also those on stderr."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, [*done.stdout.splitlines(), *(done.stderr.splitlines() if done.returncode else [])]


def built(folder: Path, stem: str, made: str, headers: Path, place: Path) -> Path:
    """The program of a C++ example, compiled as its first lines say."""
    return compiled(folder, stem, *flags_of(made, headers, place), place)


def compiled(folder: Path, stem: str, flags: list[str], libraries: list[str], place: Path) -> Path:
    """A program, with warnings as errors."""
    if shutil.which("g++") is None:
        pytest.skip("there is no g++ on this machine")
    program = place / stem
    source = f"{stem}.cpp"
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", *flags, source, "-o", program, *libraries]
    done = subprocess.run(command, cwd=folder / "examples/cpp", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return program


def flags_of(made: str, onnx: Path, place: Path) -> tuple[list[str], list[str]]:
    """What a format's examples are compiled and linked with; `onnx` has ONNX Runtime's headers."""
    if made == "onnx":
        (library,) = (_package("onnxruntime") / "capi").glob("libonnxruntime.so.1.*")
        for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
            if not (place / name).exists():
                (place / name).symlink_to(library)
        return ["-isystem", str(onnx)], _found(place, "onnxruntime")
    if made == "litert":
        return [], _found(_package("ai_edge_litert"), "LiteRt")
    package = _package({"executorch": "executorch", "torchscript": "torch"}[made])
    headers = package / "include"
    if made == "torchscript":
        included = ["-isystem", str(headers), "-isystem", str(headers / "torch/csrc/api/include")]
        return included, _found(package / "lib", "torch", "torch_cpu", "c10")
    kernels = ("executorch_kernels_optimized", "executorch_backend_xnnpack", "executorch_kernels_quantized")
    inner = headers / "executorch/runtime/core/portable_type/c10"
    return (
        [
            "-DC10_USING_CUSTOM_GENERATED_MACROS",
            "-DET_EVENT_TRACER_ENABLED",
            "-isystem",
            str(headers),
            "-isystem",
            str(inner),
        ],
        [*_found(package / "lib", *kernels, "executorch_threadpool", "executorch"), "-Wl,--allow-shlib-undefined"],
    )


def _found(folder: Path, *names: str) -> list[str]:
    return [f"-L{folder}", f"-Wl,-rpath,{folder}", "-Wl,--no-as-needed", *(f"-l{name}" for name in names)]


def labels_in(lines: Sequence[str]) -> list[str]:
    """The labels that an example printed, in the order of the samples."""
    return [line.split()[2] for line in lines if line.startswith("sample ")]
