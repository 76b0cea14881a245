"""Made-up programs and artifacts for the diagnosis: operators in a row or in branches, and what each of them gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgeproof.converters.diagnosis_job import Tap, Taps, Trace, TracedNode
from edgeproof.validators.diagnosis.locating import Location, layers_of, locate, wrong_ones
from edgeproof.validators.diagnosis.matching import Values

Array = np.ndarray[Any, np.dtype[Any]]
NOISE = 1e-7
Graph = Mapping[str, Sequence[str]]  # what each operator takes, in the order in which they run


def traced(graph: Graph, exact: Mapping[str, Array], *outputs: str) -> Trace:
    """A program of these operators; its outputs are called as the operators that give them."""
    nodes = (
        TracedNode(
            name=name,
            operator=f"aten.{name}",
            inputs=tuple(inputs),
            module=f"body.{name}",
            line="net.py:7, in forward",
            noise=NOISE if exact[name].dtype.kind == "f" else None,
        )
        for name, inputs in graph.items()
    )
    return Trace(nodes=tuple(nodes), outputs={name: name for name in outputs})


def tapped(graph: Graph, **outputs: str) -> Taps:
    """An artifact of these operators."""
    taps = (Tap(name=name, operator=f"OP {name}", inputs=tuple(inputs)) for name, inputs in graph.items())
    return Taps(taps=tuple(taps), outputs=outputs)


def located(trace: Trace, exact: Mapping[str, Array], taps: Taps, found: Mapping[str, Array]) -> Location | None:
    """Where the artifact leaves the program, if it gives for its outputs what was tapped."""
    values, floats = Values(found), {name: value for name, value in exact.items() if value.dtype.kind == "f"}
    given = {name: found[tap] for name, tap in taps.outputs.items()}
    wrong = wrong_ones(trace, taps, floats, values, given)
    return locate(*wrong, layers_of(trace, floats, values), floats, values)
