"""The bill of materials of a bundle in CycloneDX 1.6: the artifacts, the source they come from, and what made them."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any
from urllib.parse import quote

from ...converters.source import Framework
from .identity import LICENCE
from .manifest import BundledArtifact, BundleManifest

FILE_NAME = "sbom.cdx.json"
# Names under which versions are recorded that are packages of PyPI.
_PACKAGES = frozenset(
    """ai-edge-litert ai-edge-quantizer executorch keras litert-converter litert-torch numpy onnx onnxruntime onnxscript
    tensorflow tf2onnx tf_keras torch torchao transformers""".split()
)
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_NAMESPACE = uuid.UUID("6f1c1d0e-4a55-5a0d-9a51-0c5f0e6b7a10")  # our own, so that equal bundles have equal numbers


def sbom_text(manifest: BundleManifest) -> str:
    """The bill as JSON text; it holds no date, and the same manifest gives the same text."""
    tools = _tools(manifest)
    artifacts = [_artifact(each) for each in manifest.artifacts]
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [_library("edgeproof", manifest.edgeproof)]},
            "component": {
                "type": "machine-learning-model",
                "bom-ref": "bundle",
                "name": manifest.name,
                "version": manifest.version,
                **_licences(manifest.license),
            },
        },
        "components": [_source(manifest), *artifacts, *tools.values()],
        "dependencies": [
            {"ref": "bundle", "dependsOn": [each["bom-ref"] for each in artifacts]},
            *(_dependencies(each, tools) for each in manifest.artifacts),
        ],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(content, sort_keys=True))
    return json.dumps({"$schema": _SCHEMA, **content, "serialNumber": f"urn:uuid:{serial}"}, indent=1) + "\n"


_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"


def _licences(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    if text == LICENCE:
        return {"licenses": [{"license": {"name": f"see {LICENCE}"}}]}
    if _EXPRESSION.fullmatch(text):
        return {"licenses": [{"expression": text}]}
    return {"licenses": [{"license": {"name": text}}]}


def _source(manifest: BundleManifest) -> dict[str, Any]:
    source = manifest.source
    return {
        "type": "machine-learning-model",
        "bom-ref": "source",
        "name": source.file or source.factory or source.name,
        "hashes": [{"alg": "SHA-256", "content": source.sha256}],
        "properties": [
            {"name": "edgeproof:framework", "value": str(Framework(source.framework))},
            {"name": "edgeproof:parameters", "value": str(source.parameters)},
        ],
    }


def _artifact(artifact: BundledArtifact) -> dict[str, Any]:
    return {
        "type": "machine-learning-model",
        "bom-ref": artifact.file,
        "name": artifact.file,
        "hashes": [{"alg": "SHA-256", "content": artifact.sha256}],
        "properties": [
            {"name": "edgeproof:format", "value": artifact.format},
            {"name": "edgeproof:backend", "value": artifact.backend},
            {"name": "edgeproof:precision", "value": str(artifact.precision)},
            {"name": "edgeproof:runtime", "value": f"{artifact.needs.runtime} >= {artifact.needs.least}"},
        ],
    }


def _tools(manifest: BundleManifest) -> dict[tuple[str, str], dict[str, Any]]:
    """Everything that made the source's program or an artifact, once each, by name and version."""
    made = [manifest.source.made_by, *(each.made_by for each in manifest.artifacts)]
    pairs = sorted({pair for versions in made for pair in versions.items()})
    return {(name, version): _library(name, version) for name, version in pairs}


def _library(name: str, version: str) -> dict[str, Any]:
    package = {"purl": f"pkg:pypi/{quote(name)}@{quote(version, safe='')}"} if name in _PACKAGES else {}
    return {"type": "library", "bom-ref": f"{name}@{version}", "name": name, "version": version, **package}


def _dependencies(artifact: BundledArtifact, tools: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    made = [tools[pair]["bom-ref"] for pair in sorted(artifact.made_by.items())]
    return {"ref": artifact.file, "dependsOn": ["source", *made]}
