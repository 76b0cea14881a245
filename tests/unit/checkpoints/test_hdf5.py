from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from edgeproof.converters.checkpoints.hdf5 import StoredArray, arrays_in, opened, text_of
from edgeproof.converters.errors import SourceError, UnsafeInput


def made(path: Path, fill: Callable[[h5py.File], object]) -> Path:
    with h5py.File(path, "w") as file:
        file["model_weights/dense/kernel"] = np.ones((3, 4), np.float32)
        file.attrs["keras_version"] = "2.9.0"
        fill(file)
    return path


def nothing(_file: h5py.File) -> None:
    pass


def test_arrays_are_listed_and_texts_read(tmp_path: Path) -> None:
    with opened(made(tmp_path / "a.h5", nothing)) as file:
        assert list(arrays_in(file)) == [StoredArray("model_weights/dense/kernel", "float32", (3, 4), 48)]
        assert text_of(file, "keras_version") == "2.9.0"
        assert text_of(file, "model_config") is None


def test_what_keras_writes_is_taken(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file["seed"] = np.array([1, 2], np.uint32)
        file["flag"] = np.array(True)
        file["empty"] = np.zeros((0, 3), np.float16)
        file.attrs["layer_names"] = np.array([b"dense", b"conv"])
        file.attrs["texts"] = ["a", "bc"]
        file.create_dataset("packed", data=np.arange(10_000, dtype=np.float32), compression="gzip", shuffle=True)

    with opened(made(tmp_path / "a.h5", fill)) as file:
        assert len(list(arrays_in(file))) == 5


def _external_link(file: h5py.File) -> None:
    file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/data")


def _soft_link(file: h5py.File) -> None:
    file["elsewhere"] = h5py.SoftLink("/model_weights")


def _external_storage(file: h5py.File) -> None:
    file.create_dataset("elsewhere", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "data", (4,))
    file.create_virtual_dataset("elsewhere", layout)


def _named_type(file: h5py.File) -> None:
    file["kind"] = np.dtype("f4")


def _record(file: h5py.File) -> None:
    file["record"] = np.zeros(3, [("a", "f4"), ("b", "i4")])


def _reference(file: h5py.File) -> None:
    file.attrs["pointer"] = file["model_weights"].ref


def _bomb(file: h5py.File) -> None:
    bomb = file.create_dataset("bomb", (128, 1 << 20), "u1", chunks=(1, 1 << 20), compression="gzip")
    packed = zlib.compress(bytes(1 << 20), 9)
    for row in range(128):
        bomb.id.write_direct_chunk((row, 0), packed)


def _deep_attribute(file: h5py.File) -> None:
    file["model_weights/dense/kernel"].attrs["record"] = np.zeros((), [("a", "f4")])


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (_external_link, "links to another file"),
        (_soft_link, "link in place of data"),
        (_external_storage, "another file"),
        (_virtual, "from elsewhere"),
        (_named_type, "type of its own"),
        (_record, "type that no model needs"),
        (_reference, "type that no model needs"),
        (_deep_attribute, "type that no model needs"),
        (_bomb, "grows"),
    ],
)
def test_what_leads_outside_or_explodes_is_refused(
    tmp_path: Path, fill: Callable[[h5py.File], None], words: str
) -> None:
    path = made(tmp_path / "a.h5", fill)
    with pytest.raises(UnsafeInput, match=words), opened(path):
        pass


def test_a_size_that_the_file_does_not_hold_is_damage(tmp_path: Path) -> None:
    path = made(tmp_path / "a.h5", lambda file: file.create_dataset("claim", (1 << 40,), "f4"))
    with pytest.raises(SourceError, match="declares"), opened(path):
        pass


def test_a_loop_of_hard_links_ends(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file["model_weights/again"] = file["/"]

    with opened(made(tmp_path / "a.h5", fill)) as file:
        assert len(list(arrays_in(file))) == 1


def test_every_truncation_is_one_clear_error(tmp_path: Path) -> None:
    whole = made(tmp_path / "a.h5", nothing).read_bytes()
    cut = tmp_path / "cut.h5"
    for tenth in range(10):
        cut.write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(SourceError) as caught, opened(cut):
            pass
        assert caught.value.fix
