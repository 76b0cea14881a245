from __future__ import annotations

import json
import struct
import tracemalloc
from dataclasses import asdict
from functools import cache
from pathlib import Path

import pytest
from artifacts import READABLE, golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeproof.converters.errors import EdgeproofError, SourceError
from edgeproof.converters.inspection.inspect import inspect_artifact

_MOST_MEMORY = 64 << 20
_SETTINGS = settings(
    max_examples=25, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@cache
def _bytes_of(name: str) -> bytes:
    return golden(name).read_bytes()


def _inspect_or_refuse(path: Path, data: bytes) -> bool:
    """Whether the file could be read; anything but our own error fails the test, and so does a hoard of memory."""
    path.write_bytes(data)
    refusal: EdgeproofError | None = None
    tracemalloc.start()
    try:
        json.dumps(asdict(inspect_artifact(path)), allow_nan=False)
    except EdgeproofError as error:
        refusal = error
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < _MOST_MEMORY
    assert refusal is None or (refusal.message and refusal.fix)
    return refusal is None


@pytest.mark.parametrize("name", READABLE)
@_SETTINGS
@given(data=st.data())
def test_a_file_that_was_cut_off_is_refused(name: str, tmp_path: Path, data: st.DataObject) -> None:
    whole = _bytes_of(name)
    end = data.draw(st.integers(0, len(whole) - 1))
    readable = _inspect_or_refuse(tmp_path / name, whole[:end])
    # The last bytes of a file may be padding that nobody misses.
    assert not readable or len(whole) - end < 64


@pytest.mark.parametrize("name", READABLE)
@_SETTINGS
@given(data=st.data())
def test_flipped_bytes_never_lead_to_anything_but_our_own_error(name: str, tmp_path: Path, data: st.DataObject) -> None:
    changed = bytearray(_bytes_of(name))
    positions = st.integers(0, len(changed) - 1)
    for position, value in data.draw(st.lists(st.tuples(positions, st.integers(0, 255)), min_size=1, max_size=16)):
        changed[position] = value
    _inspect_or_refuse(tmp_path / name, bytes(changed))


@pytest.mark.parametrize("name", READABLE)
@_SETTINGS
@given(data=st.data())
def test_offsets_that_point_anywhere_never_lead_to_anything_but_our_own_error(
    name: str, tmp_path: Path, data: st.DataObject
) -> None:
    changed = bytearray(_bytes_of(name))
    words = st.sampled_from(
        (0, 1, 4, 8, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFC, len(changed), len(changed) - 4)
    )
    for position, word in data.draw(
        st.lists(st.tuples(st.integers(0, len(changed) - 4), words), min_size=1, max_size=4)
    ):
        struct.pack_into("<I", changed, position, word)
    _inspect_or_refuse(tmp_path / name, bytes(changed))


@_SETTINGS
@given(
    data=st.binary(max_size=300), start=st.sampled_from((b"", b"PK\3\4", b"\0\0\0\0TFL3", b"\0\0\0\0ET12", b"\x08\x0a"))
)
def test_noise_never_leads_to_anything_but_our_own_error(tmp_path: Path, data: bytes, start: bytes) -> None:
    _inspect_or_refuse(tmp_path / "noise", start + data)


@pytest.mark.parametrize("name", READABLE)
def test_a_cut_file_names_its_format_and_what_to_do(name: str, tmp_path: Path) -> None:
    whole = _bytes_of(name)
    path = tmp_path / name
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError) as caught:
        inspect_artifact(path)
    assert str(path) in caught.value.message
    assert "convert" in caught.value.fix or "again" in caught.value.fix


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.onnx"
    path.touch()
    with pytest.raises(SourceError, match="is empty"):
        inspect_artifact(path)


def test_a_file_of_zeros_is_no_artifact(tmp_path: Path) -> None:
    path = tmp_path / "zeros.tflite"
    path.write_bytes(bytes(4096))
    with pytest.raises(SourceError, match="not a kind of file we know"):
        inspect_artifact(path)


def test_a_missing_file_and_a_folder_are_said_to_be_that(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        inspect_artifact(tmp_path / "missing.pte")
    with pytest.raises(SourceError, match="is a folder"):
        inspect_artifact(tmp_path)


def test_the_extension_does_not_matter(tmp_path: Path) -> None:
    for name in READABLE:
        path = tmp_path / "artifact.bin"
        path.write_bytes(_bytes_of(name))
        assert inspect_artifact(path).format == inspect_artifact(golden(name)).format


def test_an_executorch_program_of_another_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / "new.pte"
    path.write_bytes(_bytes_of("net.pte").replace(b"ET12", b"ET99", 1))
    with pytest.raises(SourceError, match="version ET99"):
        inspect_artifact(path)


@pytest.mark.parametrize(
    ("start", "what"),
    [(b"\x89HDF\r\n\x1a\n", "HDF5"), (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "legacy torch checkpoint")],
)
def test_a_source_is_told_from_an_artifact(tmp_path: Path, start: bytes, what: str) -> None:
    path = tmp_path / "source"
    path.write_bytes(start + bytes(100))
    with pytest.raises(SourceError, match=what):
        inspect_artifact(path)
