"""A bundle's archive: equal bytes for equal files, and no byte of it can change unseen."""

from __future__ import annotations

import hashlib
import random
import stat
import zipfile
from pathlib import Path

import pytest
from bundle_parts import small_manifest, write_bundle

from edgeproof.converters.errors import InputError, UnsafeInput
from edgeproof.validators.bundle.packing import COMMENT, DIGEST_LENGTH, files_of, pack, sealed_sha256
from edgeproof.validators.bundle.unpacking import unpack

_SEED = 20261130


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "bundle", small_manifest())


@pytest.fixture
def archive(folder: Path, tmp_path: Path) -> Path:
    pack(folder, tmp_path / "net.zip")
    return tmp_path / "net.zip"


def _unpacked(archive: Path, tmp_path: Path) -> Path:
    place = tmp_path / "unpacked"
    place.mkdir()
    unpack(archive, place)
    return place


def _sealed(archive: Path) -> Path:
    """The archive with a seal that holds, as somebody who means harm would write it."""
    with zipfile.ZipFile(archive, "a") as opened:
        opened.comment = COMMENT + b"0" * DIGEST_LENGTH
    digest = sealed_sha256(archive)
    archive.write_bytes(archive.read_bytes()[:-DIGEST_LENGTH] + digest.encode())
    return archive


def test_what_is_unpacked_is_what_was_packed(folder: Path, archive: Path, tmp_path: Path):
    found = files_of(_unpacked(archive, tmp_path))
    assert {name: path.read_bytes() for name, path in found.items()} == {
        name: path.read_bytes() for name, path in files_of(folder).items()
    }


def test_the_same_files_give_the_same_bytes(folder: Path, archive: Path, tmp_path: Path):
    for path in folder.rglob("*"):
        path.touch()
        path.chmod(0o700)
    pack(folder, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_the_checksums_are_those_of_sha256sum(folder: Path):
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == len(files_of(folder)) - 1
    for line in lines:
        digest, _, name = line.partition("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_a_thousand_changed_bytes_are_all_caught(archive: Path, tmp_path: Path):
    """Of every byte, one bit or all of them; each place of the file may be hit."""
    content = archive.read_bytes()
    rng = random.Random(_SEED)
    changed, place = tmp_path / "changed.zip", tmp_path / "unpacked"
    place.mkdir()
    for _ in range(1000):
        broken = bytearray(content)
        broken[rng.randrange(len(broken))] ^= rng.choice((1, 2, 4, 8, 16, 32, 64, 128, 255))
        changed.write_bytes(broken)
        with pytest.raises((UnsafeInput, InputError)):
            unpack(changed, place)
        assert not list(place.iterdir()), "something was written before the bytes were known to be right"


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_what_is_cut_off_is_refused(archive: Path, tmp_path: Path, share: float):
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * share)])
    with pytest.raises((UnsafeInput, InputError)):
        _unpacked(archive, tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/passwd", "leaves"),
        ("../outside", "leaves"),
        ("artifacts/../../outside", "leaves"),
        ("a\\..\\b", "no name"),
        ("C:/x", "no name"),
        ("folder/", "folder"),
        ("./x", "plain name"),
    ],
)
def test_a_name_that_leaves_the_folder_is_refused(archive: Path, tmp_path: Path, name: str, said: str):
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(UnsafeInput, match=said):
        _unpacked(_sealed(archive), tmp_path)
    assert not list((tmp_path / "unpacked").iterdir())


def test_a_link_is_refused(archive: Path, tmp_path: Path):
    link = zipfile.ZipInfo("golden/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(link, "/etc/passwd")
    with pytest.raises(UnsafeInput, match="link"):
        _unpacked(_sealed(archive), tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["labels.txt", "LABELS.TXT"])
def test_a_duplicate_is_refused(archive: Path, tmp_path: Path, name: str):
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(zipfile.ZipInfo(name), b"others")
    with pytest.raises(UnsafeInput, match="twice"):
        _unpacked(_sealed(archive), tmp_path)


def test_a_bomb_is_refused_before_it_unfolds(archive: Path, tmp_path: Path):
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("golden/zeros", bytes(50_000_000))
    with pytest.raises(UnsafeInput, match="compressed"):
        _unpacked(_sealed(archive), tmp_path)


def test_a_file_that_was_added_or_taken_out_is_named(folder: Path, tmp_path: Path):
    (folder / "more.txt").write_text("more")
    pack(folder, tmp_path / "more.zip")
    with pytest.raises(UnsafeInput, match=r"more\.txt was added"):
        _unpacked(tmp_path / "more.zip", tmp_path)
    (folder / "more.txt").unlink()
    (folder / "labels.txt").unlink()
    pack(folder, tmp_path / "fewer.zip")
    (tmp_path / "unpacked").rename(tmp_path / "earlier")
    with pytest.raises(UnsafeInput, match=r"labels\.txt is missing"):
        _unpacked(tmp_path / "fewer.zip", tmp_path)


def test_bytes_that_belong_to_no_file_are_refused(archive: Path, tmp_path: Path):
    with zipfile.ZipFile(archive) as opened:
        start = opened.start_dir
    content = archive.read_bytes()
    moved = bytearray(content[:start] + b"hidden" + content[start:])
    end = moved.rindex(b"PK\x05\x06")
    moved[end + 16 : end + 20] = (start + 6).to_bytes(4, "little")
    archive.write_bytes(moved)
    archive.write_bytes(archive.read_bytes()[:-DIGEST_LENGTH] + sealed_sha256(archive).encode())
    with pytest.raises(UnsafeInput, match="hides 6 bytes"):
        _unpacked(archive, tmp_path)


def test_what_is_no_bundle_is_told(tmp_path: Path):
    (tmp_path / "text.zip").write_text("no archive at all")
    with pytest.raises(InputError, match="no bundle"):
        _unpacked(tmp_path / "text.zip", tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        unpack(tmp_path / "absent.zip", tmp_path)
