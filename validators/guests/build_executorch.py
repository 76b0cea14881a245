"""Compiles the ExecuTorch guest: for developers, when its sources or the executorch package change.

    python -m edgeproof.validators.guests.build_executorch                              # for this machine
    python -m edgeproof.validators.guests.build_executorch --machine aarch64 \
        --compiler aarch64-linux-gnu-g++ --libraries DIR    # DIR: executorch/lib of the package for that machine

The same compiler makes the same bytes; prebuilt/build.json says which one it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from ...converters.versions import versions_of
from ..targets.architecture import this_machine

SOURCES = Path(__file__).with_name("executorch")
PREBUILT = SOURCES / "prebuilt"
# Kernels and backends register themselves in libraries that nobody calls.
_LIBRARIES = (
    *("-Wl,--no-as-needed", "-lexecutorch_kernels_optimized", "-lexecutorch_backend_xnnpack"),
    *("-lexecutorch_kernels_quantized", "-lexecutorch_threadpool", "-lexecutorch", "-lpthread"),
)
# The event tracer is on in the package's libraries, and changes the size of what they share with us.
_DEFINED = ("-DC10_USING_CUSTOM_GENERATED_MACROS", "-DET_EVENT_TRACER_ENABLED")
# Nothing of the place or the time of compilation gets into the file.
_REPRODUCIBLE = ("-g0", "-s", "-Wl,--build-id=none", f"-ffile-prefix-map={SOURCES}=.")


def compile_runner(output: Path, *, compiler: str, package: Path, libraries: Path, version: str) -> None:
    """Compile the program; raises CalledProcessError with what the compiler said.

    `package` is the folder of the executorch package, for its headers, `libraries` that of its libraries for the
    machine that the program is for.
    """
    headers = package / "include"
    included = (headers, headers / "executorch/runtime/core/portable_type/c10")
    command = [
        *(compiler, "-std=c++17", "-O2", "-Wall", "-Wextra", *_DEFINED, *_REPRODUCIBLE),
        f'-DEDGEPROOF_EXECUTORCH_VERSION="{version}"',
        *(part for folder in included for part in ("-isystem", str(folder))),
        *sorted(path.name for path in SOURCES.glob("*.cpp")),
        *("-o", str(output), f"-L{libraries}", *_LIBRARIES, "-Wl,--allow-shlib-undefined"),
    ]
    subprocess.run(command, cwd=SOURCES, check=True, capture_output=True, text=True)


def compiler_version(compiler: str) -> str:
    """What the compiler calls itself."""
    done = subprocess.run([compiler, "--version"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[0].partition(" ")[2]


def installed_package() -> Path:
    """The folder of the executorch package here; SystemExit if it is not installed."""
    found = find_spec("executorch")
    if found is None or not found.submodule_search_locations:
        sys.exit("executorch is not installed")
    return Path(found.submodule_search_locations[0])


def main() -> int:
    """Compile, and write down with what."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machine", default=this_machine())
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--libraries", type=Path)
    options = parser.parse_args()
    package, version = installed_package(), versions_of("executorch")["executorch"]
    output = PREBUILT / f"edgeproof-executorch-runner-{options.machine}"
    PREBUILT.mkdir(exist_ok=True)
    try:
        compile_runner(
            output,
            compiler=options.compiler,
            package=package,
            libraries=options.libraries or package / "lib",
            version=version,
        )
    except subprocess.CalledProcessError as error:
        sys.stderr.write(error.stderr)
        return 1
    record = PREBUILT / "build.json"
    built = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    built[options.machine] = {
        "compiler": compiler_version(options.compiler),
        "executorch": version,
        "sha256": hashlib.sha256(output.read_bytes()).hexdigest(),
    }
    record.write_text(json.dumps(built, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
