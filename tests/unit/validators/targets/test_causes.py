"""A guest that died: which words for which death."""

from __future__ import annotations

import signal

import pytest

from edgeproof.converters.errors import EdgeproofError, NotRunnable, RunError
from edgeproof.validators.targets.causes import Circumstances, IllegalInstruction, cause_of
from edgeproof.validators.targets.device import Completed

OLD, NEW = "1:7.2+dfsg-7", "1:10.0.13+ds-0"


def died(code: int, errors: str = "", *, emulator: str = NEW) -> EdgeproofError:
    done = Completed(code=code, output=b"", errors=errors)
    return cause_of(done, Circumstances(format="onnx", target="arm64:cortex-a53", emulator=emulator))


@pytest.mark.parametrize("code", [-signal.SIGILL, 128 + signal.SIGILL])
def test_an_illegal_instruction_is_told_also_by_a_shell(code: int):
    error = died(code)
    assert isinstance(error, IllegalInstruction)
    assert "instruction" in error.message
    assert "arm64:cortex-a53" in error.message


def test_an_old_emulator_is_blamed_for_a_crash_and_a_new_one_is_not():
    old = died(-signal.SIGSEGV, emulator=OLD)
    assert isinstance(old, NotRunnable)
    assert "too old" in old.message
    assert "--qemu" in old.fix
    assert isinstance(died(-signal.SIGSEGV), RunError)


@pytest.mark.parametrize(
    ("errors", "kind", "words"),
    [
        ("python: /lib/libc.so.6: version `GLIBC_2.34' not found (required by x.so)", NotRunnable, "GLIBC_2.34"),
        ("x: error while loading shared libraries: libz.so.1: cannot open", RunError, "libz.so.1"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", RunError, "memory"),
        ("Traceback\nMemoryError", RunError, "memory"),
        ("one\ntwo\nModuleNotFoundError: No module named 'x'", RunError, "No module named 'x'"),
        ("", RunError, "said nothing"),
    ],
)
def test_what_a_guest_said_last_decides(errors: str, kind: type[EdgeproofError], words: str):
    error = died(1, errors)
    assert isinstance(error, kind)
    assert words in error.message
    assert error.fix


def test_a_kill_is_taken_for_a_lack_of_memory():
    assert "memory" in died(-signal.SIGKILL).message
