from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeproof.converters.checkpoints.archives import CheckedZip
from edgeproof.converters.checkpoints.malformed import Malformed, Refused
from edgeproof.converters.checkpoints.opening import mapped


def _zip(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as archive:
        warnings.simplefilter("ignore")  # of a duplicate name
        for name, content in members:
            archive.writestr(name, content)
    return path


def _link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return info


def test_members_are_read_and_placed(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", ("a/one", b"first"), ("a/two", b"second"))
    with CheckedZip(path) as archive:
        assert archive.names() == ["a/one", "a/two"]
        assert archive.read("a/two") == b"second"
        place = archive.place("a/two")
        assert mapped(path)[place.offset : place.offset + place.bytes] == b"second"
        assert archive.head("a/two", 3) == b"sec"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "C:/x", "..\\x", "\\x", "a/.."])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="outside of its folder"):
        CheckedZip(_zip(tmp_path / "x.zip", ("a/one", b"1"), (name, b"2")))


def test_a_link_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="holds a link"):
        CheckedZip(_zip(tmp_path / "x.zip", (_link("a/link"), b"/etc/passwd")))


def test_a_name_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="two members of the name 'a/x'"):
        CheckedZip(_zip(tmp_path / "x.zip", ("a/x", b"1"), ("a/x", b"2")))


def test_a_bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", ("a/x", bytes(300 << 20)), method=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(Refused, match="which only a bomb does"):
        CheckedZip(path)


def test_a_member_that_is_larger_than_wanted_is_not_unpacked(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", ("a/x", bytes(2 << 20)), method=zipfile.ZIP_DEFLATED)
    with CheckedZip(path) as archive, pytest.raises(Malformed, match="more than 1 MiB"):
        archive.read("a/x", limit=1 << 20)


def test_an_archive_behind_something_else_is_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", ("a/x", b"1"))
    path.write_bytes(b"PK\3\4" + bytes(60) + path.read_bytes())
    with pytest.raises(Refused, match="other bytes before"):
        CheckedZip(path)


def test_a_compressed_member_has_no_place(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", ("a/x", bytes(100)), method=zipfile.ZIP_DEFLATED)
    with CheckedZip(path) as archive, pytest.raises(Malformed, match="is compressed"):
        archive.place("a/x")


def _changed(*changes: tuple[bytes, bytes, int]) -> Callable[[bytes], bytes]:
    """Replaces bytes behind the given signature at an offset from it."""

    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        for signature, content, offset in changes:
            start = data.index(signature) + offset
            changed[start : start + len(content)] = content
        return bytes(changed)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_changed((b"PK\1\2", b"\x01\x00", 8)), "is encrypted"),
        (_changed((b"PK\1\2", b"\xff\xff\xff\x7f" * 2, 20)), "more than there are|only a bomb"),
        (_changed((b"PK\1\2", b"\x63\x00", 10)), "contradicts the directory"),
        (_changed((b"PK\3\4", b"Q", 30)), "contradicts the directory"),
        (lambda data: data[:-10], "cannot be opened"),
    ],
)
def test_headers_that_lie_are_damage(tmp_path: Path, change: Callable[[bytes], bytes], words: str) -> None:
    path = _zip(tmp_path / "x.zip", ("a/x", b"1234"))
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises((Malformed, Refused), match=words):
        CheckedZip(path).place("a/x")


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    """One body that the directory lists twice, as the densest bombs do."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a/x", bytes(100))
        archive.writestr("a/y", bytes(100))
        archive.infolist()[1].header_offset = 10
    path = tmp_path / "x.zip"
    path.write_bytes(data.getvalue())
    with pytest.raises(Refused, match="overlap"):
        CheckedZip(path)
