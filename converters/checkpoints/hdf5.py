"""Opens HDF5 files after a look at all of them: what leads outside, or claims more than the file holds, is refused."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
from h5py import h5a, h5d, h5g, h5l, h5o, h5s, h5t, h5z

from ..errors import SourceError
from .malformed import Malformed, Refused
from .opening import damage_named, mapped_file

KIND = "HDF5 file"
# What h5py and the library below it raise on damaged files.
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, AttributeError)
_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, h5z.FILTER_SZIP, h5z.FILTER_LZF}
# Models compress badly: what grows further than this is no model.
_MOST_GROWTH = 100
_FREE_GROWTH = 64 << 20
_MOST_TEXT = 64 << 20


@dataclass(frozen=True, slots=True)
class StoredArray:
    """A dataset that was not read: numpy's name of its dtype, and the bytes that its elements take."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int


@contextmanager
def opened(path: Path) -> Generator[h5py.File]:
    """The file for reading, once all of it has been looked at; raises SourceError, UnsafeInput."""
    mapping = mapped_file(path)  # says what is wrong with a path better than h5py does
    size = len(mapping)
    mapping.close()
    with damage_named(path, KIND), _damage_seen():
        file = h5py.File(path, mode="r")
    try:
        with damage_named(path, KIND), _damage_seen():
            _Look(size).at(file)
        yield file
    finally:
        file.close()


def arrays_in(file: h5py.File) -> Iterator[StoredArray]:
    """Every dataset of an opened file by its path; each once, however many names it has."""
    found: list[StoredArray] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found.append(StoredArray(name, str(item.dtype), tuple(item.shape or ()), int(item.nbytes)))

    with damage_named(Path(file.filename), KIND), _damage_seen():
        file.visititems(note)
    yield from found


def text_of(file: h5py.File, name: str) -> str | None:
    """An attribute of the root as text, None if there is none; raises SourceError if it is no text."""
    with damage_named(Path(file.filename), KIND), _damage_seen():
        value = file.attrs.get(name)
        if isinstance(value, bytes):
            value = value.decode("utf-8")
        elif isinstance(value, str):
            value.encode("utf-8")  # h5py hands over bytes that are no text as lone surrogates
    if value is None or isinstance(value, str):
        return value
    raise SourceError(f"{file.filename} stores {name} as no text", fix="save the model again")


@contextmanager
def _damage_seen() -> Generator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise Malformed(str(error).strip().partition("\n")[0] or type(error).__name__) from error


class _Look:
    """One walk over a file of `size` bytes, along hard links, each object once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seen: set[int] = set()
        self._stored = 0
        self._declared = 0
        self._waiting: list[tuple[str, Any]] = []

    def at(self, file: h5py.File) -> None:
        """Look at everything from the root; raises Malformed, Refused."""
        self._note("/", h5o.open(file.id, b"/"))
        while self._waiting:
            name, item = self._waiting.pop()
            self._attributes(name, item)
            if isinstance(item, h5g.GroupID):
                self._links(name, item)
            elif isinstance(item, h5d.DatasetID):
                self._dataset(name, item)
            else:
                raise Refused(f"defines a type of its own ({name})")

    def _note(self, name: str, item: Any) -> None:
        address = h5o.get_info(item).addr
        if address not in self._seen:
            self._seen.add(address)
            self._waiting.append((name, item))

    def _links(self, group: str, item: Any) -> None:
        names: list[bytes] = []
        item.links.iterate(names.append)
        for name in names:
            where = f"{group.rstrip('/')}/{name.decode('utf-8', 'replace')}"
            kind = item.links.get_info(name).type
            if kind == h5l.TYPE_EXTERNAL:
                target = item.links.get_val(name)[0].decode("utf-8", "replace")
                raise Refused(f"links to another file ({where} to {target})")
            if kind != h5l.TYPE_HARD:
                raise Refused(f"stores a link in place of data ({where})")
            self._note(where, h5o.open(item, name))

    def _attributes(self, where: str, item: Any) -> None:
        for index in range(h5a.get_num_attrs(item)):
            attribute = h5a.open(item, index=index)
            name = f"{where}@{attribute.name.decode('utf-8', 'replace')}"
            self._type(name, attribute.get_type())
            size = h5a.get_info(item, index=index).data_size
            self._add(name, size, size)
            if attribute.get_space().get_simple_extent_npoints() * 8 > _MOST_TEXT:
                raise Malformed(f"{name} has more elements than a model needs")

    def _dataset(self, name: str, item: Any) -> None:
        made = item.get_create_plist()
        if made.get_layout() == h5d.VIRTUAL:
            raise Refused(f"has a dataset that takes its data from elsewhere ({name})")
        if made.get_external_count():
            outside = made.get_external(0)[0].decode("utf-8", "replace")
            raise Refused(f"keeps the data of {name} in another file ({outside})")
        self._type(name, item.get_type())
        filters = {made.get_filter(index)[0] for index in range(made.get_nfilters())}
        if unknown := filters - _FILTERS:
            raise Refused(f"needs a plug-in to read {name} (HDF5 filter {min(unknown)})")
        space = item.get_space()
        count = 0 if space.get_simple_extent_type() == h5s.NULL else space.get_simple_extent_npoints()
        declared = count * item.get_type().get_size()
        stored = item.get_storage_size()
        offset = item.get_offset()
        if offset is not None and offset + stored > self._size:
            raise Malformed(f"{name} ends behind the end of the file")
        if declared > stored and not filters & {h5z.FILTER_DEFLATE, h5z.FILTER_SZIP, h5z.FILTER_LZF}:
            raise Malformed(f"{name} declares {declared} bytes and stores {stored}")
        self._add(name, declared, stored)

    def _add(self, name: str, declared: int, stored: int) -> None:
        self._declared += declared
        self._stored += stored
        if self._stored > self._size:
            raise Malformed(f"with {name} its data are larger than the file")
        if self._declared > _MOST_GROWTH * self._size + _FREE_GROWTH:
            raise Refused(f"grows from {self._size} to more than {self._declared} bytes when it is read ({name})")

    def _type(self, name: str, kind: Any) -> None:
        plain = isinstance(kind, (h5t.TypeIntegerID, h5t.TypeFloatID, h5t.TypeStringID))
        # h5py's booleans are an enumeration of FALSE and TRUE.
        boolean = isinstance(kind, h5t.TypeEnumID) and kind.get_nmembers() == 2 and kind.get_size() == 1
        if kind.committed() or not (plain or boolean):
            raise Refused(f"stores {name} in a type that no model needs")
