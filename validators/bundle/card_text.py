"""Writes a model card as Markdown and as one HTML page that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator

from ..reports.html import page
from ..reports.markdown import plain
from ..reports.markup import escape
from .card import Block, Section, Table, headline_of, sections_of
from .manifest import BundleManifest

MARKDOWN = "MODEL_CARD.md"
HTML = "index.html"


def card_markdown(manifest: BundleManifest) -> str:
    """The card as Markdown."""
    lines = [f"# {plain(manifest.name)} {plain(manifest.version)}", "", plain(headline_of(manifest)), ""]
    for section in sections_of(manifest):
        lines += [f"## {section.title}", ""]
        lines += [line for block in section.blocks for line in _block_lines(block)]
    return "\n".join(lines).rstrip() + "\n"


def _block_lines(block: Block) -> Iterator[str]:
    match block:
        case Table():
            yield f"| {' | '.join(block.header)} |"
            ruler = ("---:" if place >= block.numbers else "---" for place in range(len(block.header)))
            yield f"|{'|'.join(ruler)}|"
            yield from (f"| {' | '.join(plain(cell) for cell in row)} |" for row in block.rows)
        case str():
            yield plain(block)
        case tuple():
            yield from (f"- {plain(item)}" for item in block)
    yield ""


def card_html(manifest: BundleManifest) -> str:
    """The card as HTML; everything that came from elsewhere is escaped."""
    title = f"{manifest.name} {manifest.version}"
    head = f'<h1>{escape(title)}</h1>\n<p class="soft">{escape(headline_of(manifest))}</p>\n'
    return page(title, head + "\n".join(map(_section_html, sections_of(manifest))))


def _section_html(section: Section) -> str:
    return f"<h2>{escape(section.title)}</h2>\n" + "\n".join(map(_block_html, section.blocks))


def _block_html(block: Block) -> str:
    match block:
        case Table():
            header = "".join(f'<th scope="col">{escape(name)}</th>' for name in block.header)
            rows = "\n".join(_row_html(row, block.numbers) for row in block.rows)
            return f'<div class="wide"><table><thead><tr>{header}</tr></thead><tbody>\n{rows}\n</tbody></table></div>'
        case str():
            return f"<p>{escape(block)}</p>"
        case tuple():
            return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in block)}</ul>"


def _row_html(row: tuple[str, ...], numbers: int) -> str:
    first = f'<th scope="row">{escape(row[0])}</th>'
    cells = (
        f'<td class="number">{escape(cell)}</td>' if place >= numbers else f"<td>{escape(cell)}</td>"
        for place, cell in enumerate(row[1:], start=1)
    )
    return f"<tr>{first}{''.join(cells)}</tr>"
