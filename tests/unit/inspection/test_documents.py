from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from edgeproof.converters.documents import Document
from edgeproof.converters.inspection.checkpoint_findings import CheckpointContents
from edgeproof.converters.inspection.documents import ARTIFACT, CHECKPOINT, ArtifactDocument, CheckpointDocument
from edgeproof.converters.inspection.findings import Contents

_ROOT = Path(__file__).resolve().parents[3]
_OUTPUTS = _ROOT / "tests" / "golden" / "inspections"


@pytest.mark.parametrize(
    ("document", "name", "kind"), [(ARTIFACT, "ARTIFACT", "artifact"), (CHECKPOINT, "CHECKPOINT", "checkpoint")]
)
def test_the_documented_schemas_are_current(document: Document[Any], name: str, kind: str) -> None:
    file = f"docs/schemas/{kind}-inspection.schema.json"
    assert (_ROOT / file).read_text(encoding="utf-8") == document.schema_text(), (
        f'run: python -c "from edgeproof.converters.inspection.documents import {name}; '
        f"print({name}.schema_text(), end='')\" > {file}"
    )


@pytest.mark.parametrize("path", sorted(_OUTPUTS.glob("*.json")), ids=lambda path: path.name)
def test_what_was_printed_fits_the_schema(path: Path) -> None:
    data = path.read_bytes()
    document = CHECKPOINT if "kind" in json.loads(data) else ARTIFACT
    assert document.encode(document.decode(data, name=path.name)) == data


def test_everything_that_was_found_is_printed() -> None:
    assert {field.name for field in fields(CheckpointContents)} <= {field.name for field in fields(CheckpointDocument)}
    assert {field.name for field in fields(Contents)} <= {field.name for field in fields(ArtifactDocument)}
