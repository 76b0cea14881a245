"""Debian packages without dpkg: what is wanted comes out, damage is told."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from edgeproof.converters.errors import NotRunnable
from edgeproof.validators.targets.installation.deb_file import unpack, unpack_one


def package(path: Path, *, data: str = "data.tar.xz") -> Path:
    """A small package, written by the format's description."""
    members = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", data: tarred()}
    content = b"!<arch>\n"
    for name, payload in members.items():
        content += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(payload):<10}`\n".encode()
        content += payload + b"\n" * (len(payload) % 2)
    path.write_bytes(content)
    return path


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:xz") as archive:
        for name, text in (("./usr/bin/tool", b"tool"), ("./usr/share/doc/tool/README", b"text")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return stream.getvalue()


def test_only_what_is_wanted_is_unpacked(tmp_path: Path):
    unpack(package(tmp_path / "x.deb"), tmp_path / "root", wanted=lambda name: not name.startswith("usr/share"))
    assert (tmp_path / "root/usr/bin/tool").read_bytes() == b"tool"
    assert not (tmp_path / "root/usr/share").exists()


def test_one_file_is_found_by_any_of_its_names(tmp_path: Path):
    found = unpack_one(package(tmp_path / "x.deb"), tmp_path, ("usr/bin/other", "usr/bin/tool"))
    assert found.read_bytes() == b"tool"
    with pytest.raises(NotRunnable, match="usr/bin/other"):
        unpack_one(package(tmp_path / "y.deb"), tmp_path, ("usr/bin/other",))


def test_a_compression_that_python_does_not_read_is_named(tmp_path: Path):
    with pytest.raises(NotRunnable, match=r"data\.tar\.zst"):
        unpack(package(tmp_path / "x.deb", data="data.tar.zst"), tmp_path, wanted=lambda _name: True)


@pytest.mark.parametrize("cut", [0, 4, 40, 100, 150, 300])
def test_a_file_that_is_cut_off_is_damaged(tmp_path: Path, cut: int):
    whole = package(tmp_path / "x.deb").read_bytes()
    broken = tmp_path / "broken.deb"
    broken.write_bytes(whole[:cut])
    with pytest.raises(NotRunnable, match="broken"):
        unpack(broken, tmp_path / "root", wanted=lambda _name: True)


def test_a_file_that_leads_out_of_the_folder_is_refused(tmp_path: Path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:xz") as archive:
        member = tarfile.TarInfo("./../outside")
        archive.addfile(member, io.BytesIO(b""))
    path = package(tmp_path / "x.deb")
    content = path.read_bytes().replace(tarred(), b"")
    path.write_bytes(content[: content.rindex(b"data.tar.xz")] + _header("data.tar.xz", stream.getvalue()))
    with pytest.raises(NotRunnable):
        unpack(path, tmp_path / "root", wanted=lambda _name: True)
    assert not (tmp_path / "outside").exists()


def _header(name: str, payload: bytes) -> bytes:
    return f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(payload):<10}`\n".encode() + payload
