"""Whatever the bytes of a checkpoint are, its reader says one of our errors, soon, and without hoarding memory."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeproof.converters.checkpoints.archives import CheckedZip
from edgeproof.converters.checkpoints.contents import StoredTensor, tensors_in
from edgeproof.converters.checkpoints.exported_program import read_exported_program
from edgeproof.converters.checkpoints.malformed import Malformed, Refused
from edgeproof.converters.checkpoints.pickle_machine import PickleReader, admit_all
from edgeproof.converters.checkpoints.recognise import recognise
from edgeproof.converters.checkpoints.safetensors_header import read_safetensors
from edgeproof.converters.checkpoints.saved_model import read_saved_model
from edgeproof.converters.checkpoints.torch_checkpoint import read_torch_checkpoint
from edgeproof.converters.checkpoints.torch_legacy import MAGIC_NUMBER
from edgeproof.converters.checkpoints.variables_index import read_variables
from edgeproof.converters.errors import SourceError, UnsafeInput

_FOLDER = Path(__file__).resolve().parents[2] / "golden" / "checkpoints"
_TORCH = ("training.pth", "legacy.pth", "tar.pth", "module.pt", "lightning.ckpt")
_READERS: dict[str, Callable[[Path], object]] = {
    **dict.fromkeys(_TORCH, read_torch_checkpoint),
    "net.safetensors": read_safetensors,
    "shards/model.safetensors.index.json": read_safetensors,
    "program.pt2": read_exported_program,
    "saved_model/saved_model.pb": read_saved_model,
    "saved_model/variables/variables.index": read_variables,
    "net.json": recognise,
    "net.keras": recognise,
}
_MOST_MEMORY = 64 << 20
_MOST_SECONDS = 10.0
_SETTINGS = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@cache
def _bytes_of(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


def _read_or_refuse(name: str, path: Path, data: bytes) -> bool:
    """Whether the file could be read: anything but our own errors fails the test, as do much memory and time."""
    path.write_bytes(data)
    tracemalloc.start()
    since = time.process_time()
    refusal: SourceError | UnsafeInput | None = None
    try:
        for read in dict.fromkeys((_READERS[name], *_recognisers(name))):
            _check_places(read(path), len(data))
    except (SourceError, UnsafeInput) as error:
        refusal = error
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refusal is None or (refusal.message and refusal.fix)
    assert peak < _MOST_MEMORY
    assert time.process_time() - since < _MOST_SECONDS
    return refusal is None


def _recognisers(name: str) -> tuple[Callable[[Path], object], ...]:
    """The index of variables is found by its folder, never by itself."""
    return () if name.endswith("variables.index") else (recognise,)


def _check_places(found: object, size: int) -> None:
    """No tensor may point outside of the file."""
    root = getattr(found, "root", found)
    for _, tensor in tensors_in(root):  # type: ignore[arg-type] # whatever a reader returns is walked
        assert isinstance(tensor, StoredTensor)
        assert 0 <= tensor.place.offset <= tensor.place.offset + tensor.place.bytes <= size


@pytest.mark.parametrize("name", _READERS)
def test_the_whole_file_is_read(name: str, tmp_path: Path) -> None:
    if name.endswith("index.json"):
        pytest.skip("its shards lie elsewhere")
    assert _read_or_refuse(name, tmp_path / Path(name).name, _bytes_of(name))


@pytest.mark.parametrize("name", _READERS)
def test_a_file_that_was_cut_off_is_refused_at_every_tenth(name: str, tmp_path: Path) -> None:
    whole = _bytes_of(name)
    for tenth in range(10):
        readable = _read_or_refuse(name, tmp_path / Path(name).name, whole[: len(whole) * tenth // 10])
        # A tar ends in zeros that nobody misses.
        assert not readable or name == "tar.pth"


@pytest.mark.parametrize("name", _READERS)
@_SETTINGS
@given(data=st.data())
def test_flipped_bytes_lead_to_our_own_errors_alone(name: str, tmp_path: Path, data: st.DataObject) -> None:
    changed = bytearray(_bytes_of(name))
    positions = st.integers(0, len(changed) - 1)
    for position, value in data.draw(st.lists(st.tuples(positions, st.integers(0, 255)), min_size=1, max_size=16)):
        changed[position] = value
    _read_or_refuse(name, tmp_path / Path(name).name, bytes(changed))


@pytest.mark.parametrize("name", _READERS)
@_SETTINGS
@given(data=st.data())
def test_numbers_that_lie_lead_to_our_own_errors_alone(name: str, tmp_path: Path, data: st.DataObject) -> None:
    changed = bytearray(_bytes_of(name))
    words = st.sampled_from((0, 1, 8, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF8, len(changed), len(changed) - 8))
    places = st.integers(0, len(changed) - 4)
    for position, word in data.draw(st.lists(st.tuples(places, words), min_size=1, max_size=4)):
        struct.pack_into("<I", changed, position, word)
    _read_or_refuse(name, tmp_path / Path(name).name, bytes(changed))


_STARTS = (
    b"", b"PK\3\4", b"\x80\x02", pickle.dumps(MAGIC_NUMBER, 2) + pickle.dumps(1001, 2), b"\x08\x01\x12", b"\x08\x0a",
    b"{", b"\x10\0\0\0\0\0\0\0{", b"\x89HDF\r\n\x1a\n",
)  # fmt: skip


@_SETTINGS
@given(data=st.binary(max_size=400), start=st.sampled_from(_STARTS), name=st.sampled_from(sorted(_READERS)))
def test_noise_leads_to_our_own_errors_alone(tmp_path: Path, data: bytes, start: bytes, name: str) -> None:
    _read_or_refuse(name, tmp_path / Path(name).name, start + data)


_OPCODES = st.lists(
    st.sampled_from([
        b"(", b"]", b"}", b")", b"\x8f", b"N", b"\x88", b"K\x01", b"X\x01\0\0\0a", b"e", b"a", b"u", b"s", b"\x90",
        b"\x91", b"t", b"\x85", b"\x86", b"\x87", b"l", b"d", b"2", b"0", b"1", b"q\0", b"h\0", b"\x94", b"R", b"\x81",
        b"\x92", b"b", b"Q", b"o", b"cos\nsystem\n", b"ccollections\nOrderedDict\n", b"ctorch\nFloatStorage\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n", b"X\x07\0\0\0storage", b"X\x01\0\0\x000", b"J\xff\xff\xff\xff",
        b"\x93", b"\x82\x01", b"i__main__\nx\n", b"Pkey\n", b"U\x01b", b"G\x7f\xf8\0\0\0\0\0\0", b"\x8a\x01\xff",
    ]),
    max_size=60,
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(opcodes=_OPCODES)
def test_any_sequence_of_opcodes_is_followed_or_refused(tmp_path: Path, opcodes: list[bytes]) -> None:
    pickled = b"\x80\x02" + b"".join(opcodes) + b"."
    with contextlib.suppress(Malformed, Refused):
        PickleReader(admit_all).read(pickled)
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("x/data.pkl", pickled)
        archive.writestr("x/data/0", bytes(8))
    _read_or_refuse("training.pth", tmp_path / "x.pt", (tmp_path / "x.pt").read_bytes())


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02" + b"(" * 40_000 + b".",
        b"\x80\x02" + b"]" * 40_000 + b"a" * 39_999 + b".",  # nested as deep as it is long
        b"\x80\x02K\x01" + b"\x85" * 40_000 + b".",
        b"\x80\x02]q\0" + b"h\0h\0\x86q\0" * 100 + b".",  # doubles at every step
        b"\x80\x02}q\0" + b"(K\x01h\0K\x02h\0u" * 50 + b".",  # holds itself
        b"\x80\x02\x8b\xff\xff\xff\x7f" + bytes(100) + b".",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(100) + b".",
        b"\x80\x02I" + b"9" * 100_000 + b"\n.",
        b"\x80\x02L" + b"9" * 100_000 + b"L\n.",
        b"\x80\x02\x8b\xa0\x86\x01\0" + b"\x7f" * 100_000 + b".",  # a number of a hundred thousand bytes
        b"\x80\x02r\xff\xff\xff\xff.",
        b"\x80\x02S'\\x'\n.",
        b"\x80\x02V\\ud8\n.",
    ],
)
def test_pickles_that_are_made_to_exhaust_do_not(tmp_path: Path, pickled: bytes) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("x/data.pkl", pickled)
    _read_or_refuse("training.pth", tmp_path / "zip.pt", data.getvalue())
    head = b"".join(pickle.dumps(part, 2) for part in (MAGIC_NUMBER, 1001, {"little_endian": True}))
    _read_or_refuse("legacy.pth", tmp_path / "legacy.pt", head + pickled)


@_SETTINGS
@given(
    tensors=st.dictionaries(
        st.text(max_size=8),
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["F32", "BF16", "I8", "X"]),
                "shape": st.lists(st.integers(-2, 1 << 62), max_size=4),
                "data_offsets": st.lists(st.integers(-9, 1 << 63), min_size=2, max_size=2),
            }
        ),
        max_size=4,
    )
)
def test_any_header_of_safetensors_is_read_or_refused(tmp_path: Path, tensors: dict[str, object]) -> None:
    header = json.dumps(tensors).encode()
    data = len(header).to_bytes(8, "little") + header + bytes(16)
    _read_or_refuse("net.safetensors", tmp_path / "x.safetensors", data)


@_SETTINGS
@given(data=st.data())
def test_a_zip_of_any_bytes_is_checked_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    changed = bytearray(_bytes_of("training.pth"))
    start = changed.index(b"PK\1\2")  # the directory, which is what readers believe
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(start, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "x.zip"
    path.write_bytes(changed)
    with contextlib.suppress(Malformed, Refused), CheckedZip(path) as archive:
        for name in archive.names():
            with contextlib.suppress(Malformed):
                place = archive.place(name)
                assert 0 <= place.offset <= place.offset + place.bytes <= len(changed)
            with contextlib.suppress(Malformed):
                archive.read(name)
