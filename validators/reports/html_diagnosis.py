"""A diagnosis as one HTML file: what is guilty, and the difference of every operator along the model."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from ..diagnosis.locating import room
from ..diagnosis.report import DiagnosedLayer, Diagnosis
from .html import page, table
from .markup import escape
from .wording import figure, hop_text

_HEADINGS = ("Operator", "In the model", "Difference / its noise")


def html_of_diagnosis(found: Diagnosis) -> str:
    """The HTML text; everything that came from elsewhere is escaped."""
    body = "\n".join((_head(found), _plot(found), _layers(found)))
    return page(f"{found.ending}: {found.file}", body)


def _head(found: Diagnosis) -> str:
    said = "".join(f"<p>{escape(line)}</p>\n" for line in _lines(found))
    steps = "".join(f"<li>{escape(hop_text(hop))}</li>" for hop in found.hops)
    return f"<h1>{escape(found.file)}</h1>\n{said}<ul>{steps}</ul>\n"


def _lines(found: Diagnosis) -> Iterator[str]:
    if found.guilty is not None:
        yield f"The first operator that is off: {found.guilty.operator} {found.guilty.name} of {_place(found.guilty)}"
        yield f"In the artifact: {found.artifact_operator or 'not seen'}"
    yield from found.notes


def _plot(found: Diagnosis) -> str:
    if find_spec("matplotlib") is None:
        return '<p class="soft">Plots need matplotlib: <code>pip install "edgeproof[report]"</code></p>\n'
    from .plots import along  # noqa: PLC0415 (it takes half a second)

    drawn = along([(layer.name, layer.ratio) for layer in found.layers], room())
    return f'<h2>Along the model</h2>\n<div class="plots">\n{drawn}</div>\n'


def _layers(found: Diagnosis) -> str:
    rows = (
        f'<tr><th scope="row"><code>{escape(layer.name)}</code></th><td>{escape(_place(layer))}</td>'
        f'<td class="number">{escape(figure(layer.ratio))}</td></tr>'
        for layer in found.layers
    )
    return table("Every operator of the source's program", _HEADINGS, 2, rows)


def _place(layer: DiagnosedLayer) -> str:
    return ", ".join(part for part in (layer.module, layer.line) if part) or "the model"
