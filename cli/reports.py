"""`--report KIND=FILE`: the forms of the report and where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..converters.errors import UsageError
from ..converters.writing import write_atomically
from ..validators.parity import ParityReport
from ..validators.reports.html import html
from ..validators.reports.json import encode
from ..validators.reports.junit import junit
from ..validators.reports.markdown import markdown
from .options import parse_names

_FORMS: Mapping[str, Callable[[ParityReport], bytes]] = {
    "json": encode,
    "junit": lambda report: junit(report).encode(),
    "html": lambda report: html(report).encode(),
    "md": lambda report: markdown(report).encode(),
}
KINDS = tuple(_FORMS)


def parse_reports(texts: Iterable[str]) -> dict[str, Path]:
    """Texts such as "junit=F,json=F" by kind; raises UsageError for what it cannot follow."""
    found: dict[str, Path] = {}
    for text in (part for group in texts for part in group.split(",")):
        name, equals, place = text.partition("=")
        if not equals or not place:
            raise UsageError(f"--report {text!r} is not understood", fix="write KIND=FILE, such as junit=parity.xml")
        [kind] = parse_names((name,), option="--report", known=KINDS)
        if kind in found:
            raise UsageError(f"--report gives {kind} twice", fix="give it once")
        path = Path(place)
        if not path.parent.is_dir():
            raise UsageError(f"{path.parent} is not a folder", fix=f"make it first: mkdir -p {path.parent}")
        if path.is_dir():
            raise UsageError(f"{path} is a folder", fix=f"name a file in it: --report {kind}={path / 'parity'}.{kind}")
        found[kind] = path
    return found


def write_reports(report: ParityReport, places: Mapping[str, Path]) -> None:
    """Write the report in every form that was asked for; raises UsageError where a file cannot be written."""
    for kind, path in places.items():
        write_atomically(path, _FORMS[kind](report))
