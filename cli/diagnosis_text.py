"""A diagnosis for people: what is guilty, how far off, and how to see it again."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator

from ..validators.diagnosis.report import DiagnosedLayer, Diagnosis, Ending
from ..validators.reports.wording import hop_text, printable


def write_diagnosis(found: Diagnosis) -> None:
    """Write a diagnosis to stdout."""
    for line in lines_of(found):
        sys.stdout.write(f"{printable(line)}\n")


def lines_of(found: Diagnosis) -> Iterator[str]:
    """The lines, one after another."""
    yield f"{found.status}  {found.file} on {found.target}, call {found.call}"
    yield from (f"  {hop_text(hop)}" for hop in found.hops)
    if found.ending is Ending.LOCATED and found.guilty is not None:
        yield from _located(found, found.guilty)
    elif found.ending is Ending.RUNTIME:
        yield f"every operator is right without {found.without}: the fault lies in what that does"
    else:
        yield "no operator leaves the source"
    for note in found.notes:
        yield f"note: {note}"


def _located(found: Diagnosis, guilty: DiagnosedLayer) -> Iterator[str]:
    yield f"first operator that is off: {_named(guilty)}"
    if found.fused:
        yield f"  or, computed in one with it: {', '.join(map(_named, found.fused))}"
    yield f"  in the artifact: {found.artifact_operator or 'not seen'}"
    before = max((layer.ratio for layer in _before(found, guilty) if layer.ratio is not None), default=None)
    off = "not recognisable" if guilty.ratio is None else f"{guilty.ratio:.3g} x its own noise"
    yield f"  difference: {off}" + ("" if before is None else f"; before it at most {before:.3g} x")
    if found.element is not None:
        one = found.element
        yield f"  furthest off at {list(one.index)}: source {one.reference:.9g}, artifact {one.actual:.9g}"
    if found.folder is not None:
        shown = "it shows the difference" if found.reproduced else "run alone the operator does not show the difference"
        yield f"reproduce: python {shlex.quote(found.folder + '/reproduce.py')}  ({shown})"


def _before(found: Diagnosis, guilty: DiagnosedLayer) -> Iterator[DiagnosedLayer]:
    for layer in found.layers:
        if layer.name == guilty.name:
            return
        if layer.reached:
            yield layer


def _named(layer: DiagnosedLayer) -> str:
    place = " ".join(part for part in (layer.module, f"({layer.line})" if layer.line else "") if part)
    return f"{layer.operator} {layer.name}" + (f" of {place}" if place else "")
