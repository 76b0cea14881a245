"""HDF5 files that lead to other files or claim more than they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .case import Case

_SECRET = "/etc/passwd"


def hdf5_canaries(folder: Path, golden: Path) -> Iterator[Case]:
    """All of them, in a weights file of Keras 3, one of Keras 2, and a whole model."""
    for source in ("net.weights.h5", "net.h5", "keras2.h5"):
        for name, spoil in _SPOILERS.items():
            path = folder / f"{name}-{source}"
            path.write_bytes((golden / source).read_bytes())
            with h5py.File(path, "r+") as file:
                spoil(file)
            yield Case(kind="canary: HDF5", name=f"{name}-{source}", path=path, **_architecture(source, golden))


def _architecture(source: str, golden: Path) -> dict[str, Any]:
    return {"model": str(golden / "net.json")} if source == "net.weights.h5" else {}


def _first(file: h5py.File) -> str:
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) and item.shape else None)
    return names[0]


def _external_link(file: h5py.File) -> None:
    name = _first(file)
    del file[name]
    file[name] = h5py.ExternalLink(_SECRET, "/")


def _soft_link(file: h5py.File) -> None:
    name = _first(file)
    del file[name]
    file[name] = h5py.SoftLink("/nowhere")


def _external_storage(file: h5py.File) -> None:
    name = _first(file)
    del file[name]
    file.create_dataset(name, (4, 3), "f4", external=[(_SECRET, 0, 48)])


def _virtual(file: h5py.File) -> None:
    name = _first(file)
    del file[name]
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (4, 3))
    file.create_virtual_dataset(name, layout)


def _huge(file: h5py.File) -> None:
    file.create_dataset("layers/huge", (1 << 40,), "f4", chunks=(1024,), compression="gzip")


def _huge_and_late(file: h5py.File) -> None:
    file.create_dataset("layers/late", (1 << 40,), "f4")


def _bomb(file: h5py.File) -> None:
    file.create_dataset("layers/bomb", data=np.zeros(1 << 25, "f4"), compression="gzip", compression_opts=9)


def _endless(file: h5py.File) -> None:
    file["layers/again"] = file["/"]


def _of_objects(file: h5py.File) -> None:
    file.create_dataset("layers/reference", data=file["/"].ref, dtype=h5py.ref_dtype)


def _of_texts(file: h5py.File) -> None:
    file.create_dataset("layers/texts", data=["x"] * 3, dtype=h5py.string_dtype())


def _named_type(file: h5py.File) -> None:
    file["layers/type"] = np.dtype("f8")


def _filter(file: h5py.File) -> None:
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((4,))
    made.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())  # a plug-in that is a library on the disk
    h5py.h5d.create(file.id, b"filtered", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((4,)), made)


_SPOILERS: dict[str, Callable[[h5py.File], None]] = {
    "external-link": _external_link, "soft-link": _soft_link, "external-storage": _external_storage,
    "virtual": _virtual, "huge": _huge, "huge-and-late": _huge_and_late, "bomb": _bomb, "endless": _endless,
    "objects": _of_objects, "texts": _of_texts, "named-type": _named_type, "filter": _filter,
}  # fmt: skip
