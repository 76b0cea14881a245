"""The card and the bill of materials: whole, the same every time, and with nothing in them that a browser obeys."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from bundle_parts import small_manifest, with_artifact
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from edgeproof.validators.bundle.card_text import card_html, card_markdown
from edgeproof.validators.bundle.manifest import BundleManifest
from edgeproof.validators.bundle.sbom import sbom_text

MANIFEST = small_manifest()


@pytest.mark.parametrize("licence", [None, "MIT", "Apache-2.0 OR MIT", "our own: ask us"])
def test_the_bill_of_materials_fits_cyclonedx(licence: str | None):
    text = sbom_text(replace(MANIFEST, license=licence))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert text == sbom_text(replace(MANIFEST, license=licence))


def test_the_bill_names_what_made_the_artifacts():
    found = json.loads(sbom_text(with_artifact(MANIFEST, made_by={"torch": "2.13.0+cpu", "litert-torch": "0.10.0"})))
    packages = {each["purl"] for each in found["components"] if "purl" in each}
    assert packages >= {"pkg:pypi/torch@2.13.0%2Bcpu", "pkg:pypi/litert-torch@0.10.0"}
    artifact = MANIFEST.artifacts[0]
    hashes = {each["name"]: each["hashes"][0]["content"] for each in found["components"] if "hashes" in each}
    assert hashes[artifact.file] == artifact.sha256
    assert found["dependencies"][1]["dependsOn"] == ["source", "litert-torch@0.10.0", "torch@2.13.0+cpu"]


@pytest.mark.parametrize(
    "said",
    ["net.litert.int8-full.tflite", "LiteRT", "2.3.0", "CONV_2D", "arm64:cortex-a76", "labels.txt", "MIT", "4.0 KiB"],
)
def test_the_card_says_it_in_both_forms(said: str):
    assert said in card_html(MANIFEST)
    assert said in card_markdown(MANIFEST).replace("\\", "")


def _hostile() -> BundleManifest:
    script = "<script>alert(1)</script>"
    return with_artifact(replace(MANIFEST, name=script, license=script), notes=(script,), file=script)


def test_nothing_that_came_from_elsewhere_is_markup():
    assert "<script" not in card_html(_hostile())
    assert "\n<script" not in card_markdown(_hostile())
    assert "default-src 'none'" in card_html(MANIFEST)


def test_the_card_shows_what_has_no_pass():
    card = card_markdown(with_artifact(MANIFEST, allowed=True))
    assert "has no PASS and is here because" in card
