"""What a target is made of: each part is one folder, built by one function."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ....converters.artifact import Format
from ....converters.errors import NotRunnable
from ..architecture import Architecture
from .cpuinfo import CPUINFO
from .deb_file import unpack, unpack_one
from .debian import Archive, version_numbers
from .wheels import Fetched, install_wheels, pinned

EMULATOR = "emulator"
ROOT = "root"
PYTHON = "python"
EMULATOR_BINARY = "qemu-aarch64"
# In Debian 12 qemu is 7.2, which runs neither ONNX Runtime nor LiteRT on its own and knows no Cortex-A710; the archive
# has later releases beside it.
_LATER_RELEASES = ("trixie",)
_GOOD_EMULATOR = (8, 2)
_EMULATOR_PACKAGES = ("qemu-user", "qemu-user-static")
_BINARIES = ("usr/bin/qemu-aarch64", "usr/bin/qemu-aarch64-static")
_PYTHONS = ("3.11", "3.13", "3.12")
_LIBRARIES = (
    ("libc6",),
    ("libgcc-s1",),
    ("libstdc++6",),
    ("libexpat1",),
    ("zlib1g",),
    ("libffi8",),
    ("libssl3", "libssl3t64"),
    ("libbz2-1.0",),
    ("liblzma5",),
)
_NOT_NEEDED = ("usr/share/doc", "usr/share/man", "usr/share/lintian", "usr/share/locale", "usr/share/applications")
# From 2.11 on the wheels for Arm need CUDA's packages, and 2.10 dies of an illegal instruction below Armv8.2.
TORCH = "torch==2.9.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a part was made of, and by which recipe; `facts` is what those who use it must know."""

    fetched: tuple[Fetched, ...] = ()
    recipe: str = ""
    facts: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """Where a part is built, for what, in which scratch folder, and what is known of parts that stand already."""

    architecture: Architecture
    folder: Path
    scratch: Path
    facts: Mapping[str, str]


Build = Callable[[Building], Built]


def build_emulator(building: Building) -> Built:
    """The emulator of user programs: this release's if it is good enough, else a later one's, if it can be had."""
    own = _emulator_of(building.scratch / "apt", None)
    later = next(_later_emulators(building.scratch), None) if own.numbers < _GOOD_EMULATOR else None
    chosen = later or own
    (deb,) = chosen.archive.download([chosen.package])
    shutil.copy(unpack_one(deb, building.scratch, _BINARIES), building.folder / EMULATOR_BINARY)
    return Built(fetched=_described([deb]), facts={"emulator": chosen.version})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Emulator:
    """A package of one release of the archive."""

    archive: Archive
    package: str
    version: str

    @property
    def numbers(self) -> tuple[int, ...]:
        return version_numbers(self.version)


def _emulator_of(folder: Path, release: str | None) -> _Emulator:
    archive = _updated(Archive("amd64", _made(folder), release=release))
    package, version = _newest(archive, _EMULATOR_PACKAGES)
    return _Emulator(archive=archive, package=package, version=version)


def _later_emulators(scratch: Path) -> Iterator[_Emulator]:
    """Those of later releases that the archive has and whose key this machine has."""
    for release in _LATER_RELEASES:
        # An archive without that release is no error: then this one's has to do.
        with contextlib.suppress(NotRunnable):
            yield _emulator_of(scratch / f"apt-{release}", release)


def build_root(building: Building) -> Built:
    """Debian's C and C++ libraries and Python, unpacked."""
    archive = _updated(Archive(building.architecture.debian, _made(building.scratch / "apt")))
    python = next((each for each in _PYTHONS if archive.candidate(f"python{each}-minimal")), None)
    if python is None:
        raise NotRunnable(
            f"the archive has no Python for {building.architecture.debian}", fix="make a root and name it with --root"
        )
    packages = [f"python{python}-minimal", f"libpython{python}-minimal", f"libpython{python}-stdlib"]
    packages += [_newest(archive, names)[0] for names in _LIBRARIES]
    debs = archive.download(packages)
    for deb in debs:
        unpack(deb, building.folder, wanted=lambda name: not name.startswith(_NOT_NEEDED))
    if not (building.folder / "lib").exists():
        # Since Debian 13 packages have all libraries below /usr, and count on this link.
        (building.folder / "lib").symlink_to("usr/lib")
    cpuinfo = building.folder / "proc" / "cpuinfo"
    cpuinfo.parent.mkdir(exist_ok=True)
    cpuinfo.write_text(CPUINFO, encoding="ascii")
    return Built(fetched=_described(debs), facts={"python": python})


@dataclass(frozen=True, slots=True)
class Wheels:
    """A part that is unpacked wheels; `leave_out` are files in it that nobody needs there."""

    requirements: tuple[Callable[[], str], ...]
    leave_out: tuple[str, ...] = ()

    def recipe_for(self, python: str) -> str:
        """What would be installed now for a Python: it follows the versions on the host."""
        return " ".join((python, *(requirement() for requirement in self.requirements), *self.leave_out))

    def __call__(self, building: Building) -> Built:
        """Install them."""
        fetched = install_wheels(
            [requirement() for requirement in self.requirements],
            building.folder,
            architecture=building.architecture,
            python=building.facts["python"],
            report=building.scratch / "report.json",
        )
        for pattern in self.leave_out:
            for path in building.folder.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return Built(fetched=tuple(fetched), recipe=self.recipe_for(building.facts["python"]))


def _pin(name: str, otherwise: str) -> Callable[[], str]:
    return lambda: pinned(name, otherwise=otherwise)


_TORCH_LEFT_OUT = (
    "torch/include",
    "torch/test",
    "torch/lib/*.a",
    "torch/share",
    "functorch",
    "bin",
)
_EXECUTORCH_LEFT_OUT = ("bin", "executorch/[!l]*", "executorch/lib/*.a")
BUILDS: dict[str, Build] = {
    EMULATOR: build_emulator,
    ROOT: build_root,
    PYTHON: Wheels(
        (
            _pin("numpy", "numpy>=2,<2.5"),
            _pin("msgspec", "msgspec>=0.20,<1"),
            _pin("typing_extensions", "typing_extensions>=4"),
        )
    ),
    Format.ONNX: Wheels((_pin("onnxruntime", "onnxruntime>=1.32,<1.33"),)),
    Format.LITERT: Wheels((_pin("ai-edge-litert", "ai-edge-litert>=2.3,<2.4"),), ("ai_edge_litert/*[wW]eb[gG]pu*",)),
    Format.TORCHSCRIPT: Wheels((lambda: TORCH,), _TORCH_LEFT_OUT),
    Format.EXECUTORCH: Wheels((_pin("executorch", "executorch>=1.5.1,<1.6"),), _EXECUTORCH_LEFT_OUT),
}


def _updated(archive: Archive) -> Archive:
    archive.update()
    return archive


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _newest(archive: Archive, names: Iterable[str]) -> tuple[str, str]:
    """The package among these that the archive has, and its version."""
    for name in names:
        if (version := archive.candidate(name)) is not None:
            return name, version
    raise NotRunnable(
        f"the archive has no package {' or '.join(names)}", fix="name a root and an emulator: --root DIR --qemu FILE"
    )


def _described(debs: Iterable[Path]) -> tuple[Fetched, ...]:
    """Name, version and hash of packages whose files are called NAME_VERSION_ARCHITECTURE.deb."""
    return tuple(
        Fetched(name=parts[0], version=parts[1].replace("%3a", ":"), sha256=_sha256(deb))
        for deb in debs
        for parts in [deb.name.split("_")]
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
