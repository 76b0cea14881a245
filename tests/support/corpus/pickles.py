"""Canary pickles in every container that torch has ever written."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from .case import Canaries, Case
from .opcodes import EMPTY_DICT, EMPTY_TUPLE, MARK, REDUCE, complete, gadgets, named, routes, text

_MAGIC = 0x1950A86A20F9469CFC6C


def pickle_canaries(folder: Path, canaries: Canaries, model: str) -> Iterator[Case]:
    """All of them, opened alone and as weights for `model`."""
    for case in _pickle_cases(folder, canaries):
        yield case
        yield replace(case, kind=f"{case.kind}, its weights", model=model)


def _pickle_cases(folder: Path, canaries: Canaries) -> Iterator[Case]:
    for name, pickled in _pickles(canaries):
        path = folder / f"{name}.pt"
        path.write_bytes(in_zip(pickled))
        yield Case(kind="canary: torch zip", name=name, path=path)
    for container, wrap in (("legacy", in_legacy), ("tar", in_tar), ("bare", bytes)):
        for route, pickled in routes("posix:system", f"touch {canaries.mark(container)}"):
            path = folder / f"{container}-{route}.pt"
            path.write_bytes(wrap(pickled))
            yield Case(kind=f"canary: torch {container}", name=f"{container}-{route}", path=path)
    for name, data in _odd_zips(f"touch {canaries.mark('odd-zip')}"):
        path = folder / f"odd-{name}.pt"
        path.write_bytes(data)
        yield Case(kind="canary: odd zip", name=name, path=path)


def _pickles(canaries: Canaries) -> Iterator[tuple[str, bytes]]:
    for target in ("posix:system", "builtins:eval", "subprocess:Popen"):
        mark = canaries.mark(target.replace(":", "."))
        argument = f"open({mark!r}, 'w')" if target == "builtins:eval" else f"touch {mark}"
        for route, pickled in routes(target, argument):
            yield f"{target.replace(':', '.')}-{route}", pickled
    yield from gadgets(canaries.mark("gadget"))
    yield from _tricks()


def _tricks() -> Iterator[tuple[str, bytes]]:
    """What once corrupted memory or confused an allow-list: wrong types where a type is taken for granted."""
    storage = MARK + text("storage") + named("torch:FloatStorage") + text("0") + text("cpu") + b"K\x02" + b"tQ"
    tensor = (
        named("torch._utils:_rebuild_tensor_v2") + MARK + storage + b"%s(K\x02t(K\x01t\x89" + EMPTY_DICT + b"t" + REDUCE
    )
    whole = tensor.replace(b"%s", b"K\x00")
    yield "setitem-on-a-tensor", complete(whole + text("x") + text("y") + b"s")
    yield "setitems-on-a-storage", complete(storage + MARK + text("x") + text("y") + b"u")
    yield "append-to-a-tensor", complete(whole + text("x") + b"a")
    yield "build-a-tensor", complete(whole + EMPTY_DICT + text("data") + text("y") + b"s" + b"b")
    yield "offset-before-the-storage", complete(tensor.replace(b"%s", b"J\xff\xff\xff\xff"))
    yield "offset-behind-the-storage", complete(tensor.replace(b"%s", b"J\xff\xff\xff\x7f"))
    for size in (b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff"):
        yield f"size-{size.hex()}", complete(whole.replace(b"K\x02t(K\x01t\x89", b"J" + size + b"t(K\x01t\x89"))
    yield "storage-of-another-size", complete(whole.replace(b"cpuK\x02", b"cpuJ\xff\xff\xff\x7f"))
    for number, opcode in ((1, b"\x82\x01"), (2, b"\x83\x01\x01"), (4, b"\x84\x01\x01\x01\x01")):
        yield f"extension-{number}", complete(opcode + EMPTY_TUPLE + REDUCE)
    yield "unknown-opcode", complete(b"\xf0")
    yield "protocol-255", b"\x80\xff}."
    yield "no-stop", b"\x80\x02}"
    yield "next-buffer", complete(b"\x97\x98", 5)
    yield (
        "parameter-of-a-call",
        complete(named("torch._utils:_rebuild_parameter") + MARK + text("x") + b"\x89\x89t" + REDUCE),
    )


def in_zip(pickled: bytes, *, folder: str = "archive", compression: int = zipfile.ZIP_STORED) -> bytes:
    """What torch.save writes now, around a pickle and one storage of two numbers."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        archive.writestr(f"{folder}/data.pkl", pickled)
        archive.writestr(f"{folder}/byteorder", "little")
        archive.writestr(f"{folder}/data/0", struct.pack("<2f", 1, 2))
        archive.writestr(f"{folder}/version", "3\n")
    return data.getvalue()


def in_legacy(pickled: bytes) -> bytes:
    """What torch.save wrote until 1.5."""
    head = b"".join(pickle.dumps(part, 2) for part in (_MAGIC, 1001, {"little_endian": True}))
    return head + pickled + pickle.dumps(["0"], 2) + struct.pack("<q2f", 2, 1, 2)


def in_tar(pickled: bytes) -> bytes:
    """What the first versions of torch wrote: every part of it may be the hostile one."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            member = tarfile.TarInfo(name)
            member.size = len(pickled)
            archive.addfile(member, io.BytesIO(pickled))
    return data.getvalue()


def _odd_zips(command: str) -> Iterator[tuple[str, bytes]]:
    """Archives that two readers may see differently, around a pickle that would run a command."""
    pickled = complete(named("posix:system") + MARK + text(command) + b"t" + REDUCE)
    whole = in_zip(pickled)
    directory = whole.index(b"PK\1\2")
    yield "nested", in_zip(complete(EMPTY_DICT)).replace(b"PK\5\6", in_zip(pickled) + b"PK\5\6", 1)
    yield "cut-directory", whole[:directory]
    yield "wrong-checksum", whole[: directory + 16] + b"\0\0\0\0" + whole[directory + 20 :]
    yield "no-end", whole[:-22]
    yield "bytes-before", b"#!/bin/sh\n" + whole
    yield "pickle-before", pickled + whole
    yield "two-archives", in_zip(complete(EMPTY_DICT)) + whole
    yield "deflated", in_zip(pickled, compression=zipfile.ZIP_DEFLATED)
    yield "lzma", in_zip(pickled, compression=zipfile.ZIP_LZMA)
    yield "flag-encrypted", whole[: directory + 8] + b"\1" + whole[directory + 9 :]
    yield "compressed-in-name-only", whole[: directory + 10] + b"\x08\0" + whole[directory + 12 :]
    yield "upper-case-name", in_zip(pickled).replace(b"data.pkl", b"DATA.PKL")
    yield "seven-zip-member", in_zip(pickled).replace(b"data.pkl", b"data.pk\0")
