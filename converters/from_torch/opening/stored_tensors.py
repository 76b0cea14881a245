"""Turns places in checkpoint files into torch tensors, over private memory maps: nothing is read before it is used."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from pathlib import Path

import torch

from ...checkpoints.contents import StoredTensor, TensorPlace
from ...errors import SourceError

_ALIGNMENT = 16  # what torch's own allocator and the writers of archives keep at least


class TensorLoader:
    """Gives tensors that lie where the files have them; tensors of one storage share memory, and no file is changed."""

    def __init__(self) -> None:
        self._maps: dict[str, mmap.mmap] = {}
        self._storages: dict[tuple[TensorPlace, torch.dtype], torch.Tensor] = {}

    def tensors(self, stored: Mapping[str, StoredTensor]) -> dict[str, torch.Tensor]:
        """All of them by their names; SourceError as for one."""
        return {name: self.tensor(tensor) for name, tensor in stored.items()}

    def tensor(self, stored: StoredTensor) -> torch.Tensor:
        """One tensor; SourceError if this torch lacks its dtype or it is quantised."""
        dtype = dtype_of(stored)
        if stored.count == 0:
            return torch.empty(stored.shape, dtype=dtype)
        return self._storage(stored.place, dtype).as_strided(stored.shape, stored.strides, stored.storage_offset)

    def _storage(self, place: TensorPlace, dtype: torch.dtype) -> torch.Tensor:
        """The whole storage as one row of elements."""
        key = (place, dtype)
        if key not in self._storages:
            count = place.bytes // dtype.itemsize
            data = torch.frombuffer(
                self._map(place.file), dtype=torch.uint8, offset=place.offset, count=count * dtype.itemsize
            )
            if dtype is torch.bool:
                self._storages[key] = data != 0  # any other byte than 0 and 1 is no bool to torch's kernels
            else:
                self._storages[key] = (data if place.offset % _ALIGNMENT == 0 else data.clone()).view(dtype)
        return self._storages[key]

    def _map(self, file: str) -> mmap.mmap:
        if file not in self._maps:
            with Path(file).open("rb") as stream:
                # Copy on write: torch wants memory that may be written to, and the file stays as it is.
                self._maps[file] = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        return self._maps[file]


def dtype_of(stored: StoredTensor) -> torch.dtype:
    """The torch dtype of that name; SourceError for those that are no plain numbers."""
    dtype = getattr(torch, stored.dtype, None)
    if not isinstance(dtype, torch.dtype) or stored.dtype.startswith(("q", "float4")):
        raise SourceError(
            f"the checkpoint holds tensors of the type {stored.dtype}, and the weights must be plain numbers",
            fix="convert the float model that was quantised",
        )
    return dtype
