"""The documents of a bundle: their published schemas are current, and what is written comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bundle_parts import small_manifest
from jsonschema import Draft202012Validator

from edgeproof.converters.documents import Document
from edgeproof.converters.errors import InputError
from edgeproof.validators.bundle import difference, manifest, verification

SCHEMAS = Path(__file__).resolve().parents[4] / "docs" / "schemas"
DOCUMENTS: dict[str, Document[Any]] = {
    "bundle": manifest.DOCUMENT,
    "bundle-verdict": verification.DOCUMENT,
    "bundle-diff": difference.DOCUMENT,
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documented_schema_is_current(name: str):
    path = SCHEMAS / f"{name}.schema.json"
    assert path.read_text(encoding="utf-8") == DOCUMENTS[name].schema_text(), (
        'run: python -c "from edgeproof.validators.bundle.MODULE import DOCUMENT as d; '
        f"print(d.schema_text(), end='')\" > docs/schemas/{path.name}"
    )


def test_a_manifest_fits_its_schema_and_comes_back():
    text = manifest.DOCUMENT.encode(small_manifest())
    schema = json.loads((SCHEMAS / "bundle.schema.json").read_text())
    Draft202012Validator(schema).validate(json.loads(text))
    assert manifest.DOCUMENT.decode(text, name="manifest.json") == small_manifest()


def test_another_schema_version_is_told():
    text = manifest.DOCUMENT.encode(small_manifest()).replace(b'"schema": 1', b'"schema": 2', 1)
    with pytest.raises(InputError, match="schema 2, this edgeproof reads 1"):
        manifest.DOCUMENT.decode(text, name="manifest.json")
