"""Tables of plain text: columns as wide as their longest cell, two spaces between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def plain_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, without trailing spaces."""
    widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
    for line in (header, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
