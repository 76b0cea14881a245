"""Takes from a worker what opening a file does not need: the network, privileges, memory and disk without end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass

_NEW_NETWORK = 0x40000000
_NEW_USER = 0x10000000
_DIE_WITH_PARENT = 1
_NO_NEW_PRIVILEGES = 38
_CAPABILITIES_VERSION = 0x20080522
# Of a superuser's privileges only those stay with which files are read and written: CHOWN, DAC_OVERRIDE,
# DAC_READ_SEARCH, FOWNER, FSETID.
_FILE_PRIVILEGES = 0b11111
# What libraries reserve beyond what they use: a TensorFlow worker that rests has 0.3 GiB more of data than of
# resident memory, and every thread brings its stack.
_RESERVED = 2 << 30
_KINDS = ("effective", "permitted", "inheritable")
_CPU_GRACE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """The bounds of a worker that opens a file of unknown origin: bytes of memory, and bytes of one written file."""

    memory: int
    file_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Containment:
    """What held for the workers that opened the source's file: bytes of memory and of one file, seconds for one job.

    `network` is true where the system does not let it be taken away.
    """

    network: bool
    memory: int
    file_size: int
    seconds: float


def confine(wanted: Confinement) -> bool:
    """Confine this process, for good, before its first thread; returns whether the network is gone."""
    for kind, size in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, wanted.file_size),
        # Not RLIMIT_AS: address space is reserved by the gigabyte and costs nothing.
        (resource.RLIMIT_DATA, wanted.memory + wanted.memory // 4 + _RESERVED),
    ):
        _lower(kind, size)
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    offline = _leave_network(library)
    _drop_privileges(library)
    return offline


def limit_processor_time(seconds: float) -> None:
    """From now on this process may compute for `seconds` on all processors; then the kernel ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = used.ru_utime + used.ru_stime + seconds * (os.cpu_count() or 1) + _CPU_GRACE
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or allowed < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (int(allowed), hard))


def _lower(kind: int, size: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY or size < hard:
        resource.setrlimit(kind, (size, size))


def _leave_network(library: ctypes.CDLL) -> bool:
    """Whether this process is now alone, in a network of its own without a device that is up."""
    if os.geteuid() == 0 and library.unshare(_NEW_NETWORK) == 0:
        return True
    user, group = os.geteuid(), os.getegid()
    if library.unshare(_NEW_NETWORK | _NEW_USER) != 0:
        return False
    # In the new user namespace the user is who they were, so that files stay readable and writable.
    for file, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with contextlib.suppress(OSError), open(f"/proc/self/{file}", "w", encoding="ascii") as stream:  # noqa: PTH123
            stream.write(text)
    return True


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = tuple((f"{kind}_{half}", ctypes.c_uint32) for half in (0, 1) for kind in _KINDS)


def _drop_privileges(library: ctypes.CDLL) -> None:
    """With fewer than its parent has, a process can neither trace it nor read its environment in /proc."""
    header, sets = _Header(_CAPABILITIES_VERSION, 0), _Sets()
    if library.capget(ctypes.byref(header), ctypes.byref(sets)) != 0:
        return
    stay = sets.permitted_0 & _FILE_PRIVILEGES if os.geteuid() == 0 else 0
    library.capset(ctypes.byref(header), ctypes.byref(_Sets(stay, stay, 0, 0, 0, 0)))


def kept_variables(environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Those of the environment that a confined worker may see: an allow-list, since nobody can list all secrets."""
    for name, value in environment.items():
        if name in _KEPT or name.startswith(_KEPT_STARTS):
            yield name, value


_KEPT = frozenset({
    "PATH", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH", "LD_PRELOAD",
    "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "PYTHONUTF8",
    "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONFAULTHANDLER", "PYTHONIOENCODING", "PYTHONWARNINGS",
    "ATEN_CPU_CAPABILITY", "GLIBC_TUNABLES", "XLA_FLAGS", "SOURCE_DATE_EPOCH",
})  # fmt: skip
_KEPT_STARTS = (
    "LC_", "OMP_", "KMP_", "MKL_", "OPENBLAS_", "MALLOC_", "ONEDNN_", "DNNL_", "TF_CPP_", "TF_NUM_", "TF_ENABLE_",
)  # fmt: skip
