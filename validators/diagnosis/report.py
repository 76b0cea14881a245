"""What a diagnosis says: diagnosis.json, and the same in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ...converters.documents import Document
from ..parity import Element, Status
from ..steps import Hop

SCHEMA = 1


class Ending(StrEnum):
    """How a diagnosis ended."""

    LOCATED = "located"
    RUNTIME = "runtime"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosedLayer:
    """One operator of the source's program, with the difference of the artifact's value in multiples of its noise.

    `ratio` is None where the artifact has no such value: it was fused, or something else stands there.
    """

    name: str
    operator: str
    module: str
    line: str
    ratio: float | None
    reached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Where an artifact leaves its source, on the call that shows it most.

    `guilty` is the first operator that the artifact does not compute alike (None unless `ending` is located), `fused`
    are those that the artifact computes in one with it, `artifact_operator` is what it is called there. RUNTIME says
    that every operator is right once the runtime's own rewriting (`without`) is off.
    """

    schema: int = SCHEMA
    file: str
    format: str
    precision: str
    target: str
    status: Status
    call: int
    ending: Ending
    guilty: DiagnosedLayer | None = None
    fused: tuple[DiagnosedLayer, ...] = ()
    artifact_operator: str = ""
    element: Element | None = None
    without: str = ""
    hops: tuple[Hop, ...] = ()
    layers: tuple[DiagnosedLayer, ...] = ()
    folder: str | None = None
    reproduced: bool | None = None
    notes: tuple[str, ...] = ()


DOCUMENT = Document(
    content=Diagnosis, title="diagnosis", schema=SCHEMA, fix="make it again with `edgeproof diagnose ARTIFACT`"
)
