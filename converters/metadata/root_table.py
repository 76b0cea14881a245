"""The root table of a FlatBuffer as it is, to be written anew with some fields changed, in front of all that it had."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from ..inspection.flatbuffer import Table
from .flatbuffer_writer import Existing, Many, Record, Reference, Scalar


def record_of(root: Table, *, references: int, file: Path) -> dict[int, Scalar | Reference]:
    """The fields of a root table whose first field is a version of 32 bits and whose others are references.

    Raises UsageError if the file's writer knew more fields than `references` and the version.
    """
    if root.known_fields > references + 1:
        raise UsageError(
            f"{file} was written by a newer schema, whose fields would be lost with metadata in it",
            fix="leave the metadata out, or use a newer edgeproof",
        )
    fields: dict[int, Scalar | Reference] = {0: Scalar("I", root.scalar(0, "I"))}
    for number in range(1, references + 1):
        place = root.target(number)
        if place is not None:
            fields[number] = Existing(place)
    return fields


def longer(root: Table, field: int, added: list[Record]) -> Many:
    """A vector of tables with more of them at its end."""
    return Many((*(Existing(table.position) for table in root.tables(field)), *added))
