"""Which formats can be made in which precision, and the rows of those that cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeproof.converters import registry
from edgeproof.converters.artifact import Artifact
from edgeproof.converters.errors import ConversionError, QuantizationError, UsageError
from edgeproof.converters.job import Description
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.converters.source import Framework, Source, SourceKind
from edgeproof.validators.basis import Basis
from edgeproof.validators.parity import ParityRow, Status, exit_code
from edgeproof.validators.planning import convert_job, rows_for
from edgeproof.validators.request import Outcome, Request
from edgeproof.validators.results import Results
from edgeproof.validators.samples import SampleSet

SOURCE = Source(kind=SourceKind.FACTORY, framework=Framework.TORCH, name="net", factory="net:build")
REQUEST = Request(
    source=SOURCE,
    formats=("torchscript", "litert"),
    output=Path("out"),
    precisions=(Precision.FP32, Precision.INT8_FULL),
)
DESCRIPTION = Description(
    source=SOURCE,
    signature=Signature(inputs=(TensorSpec(name="x", dtype="float32", shape=(1,)),), outputs=()),
    examples="examples.npz",
    samples=None,
    parameters=1,
    made_by={},
)


def formats_of(request: Request, precision: Precision) -> list[str]:
    return [str(row.format) for row in rows_for(request, precision)]


def written(results: Results, folder: Path) -> Outcome:
    results.described(DESCRIPTION, SampleSet(calls=(), kinds=(), given=0, sha256=""))
    return results.write(folder)


def only_row(results: Results, folder: Path) -> ParityRow:
    (row,) = written(results, folder).report.results
    return row


@pytest.mark.parametrize("framework", list(Framework))
@pytest.mark.parametrize(
    "precision", [each for each in Precision if each not in {Precision.INT8_FULL, Precision.INT16X8}]
)
def test_every_format_has_the_common_precisions(framework: Framework, precision: Precision) -> None:
    formats = ("torchscript", "executorch", "litert", "onnx")
    request = replace(REQUEST, source=replace(SOURCE, framework=framework), formats=formats)
    assert formats_of(request, precision) == list(formats)


@pytest.mark.parametrize("precision", [Precision.INT8_FULL, Precision.INT16X8])
@pytest.mark.parametrize("framework", list(Framework))
def test_two_precisions_are_of_litert_alone(framework: Framework, precision: Precision) -> None:
    request = replace(REQUEST, source=replace(SOURCE, framework=framework))
    assert formats_of(request, precision) == ["litert"]
    with pytest.raises(UsageError, match=f"{precision} cannot be had in torchscript, onnx") as caught:
        rows_for(replace(request, formats=("torchscript", "onnx")), precision)
    assert caught.value.fix.startswith("--to litert")


def test_an_unknown_format_is_refused_before_its_precision() -> None:
    with pytest.raises(UsageError, match="no way from torch to 'coreml'"):
        rows_for(replace(REQUEST, formats=("coreml", "litert")), Precision.INT8_FULL)


def test_a_format_without_the_precision_gets_a_row_in_words(tmp_path: Path) -> None:
    results = Results(REQUEST)
    results.not_made_in("torchscript", Precision.INT8_FULL)
    row = only_row(results, tmp_path)
    assert row.status is Status.QUANTIZE_FAIL
    assert row.file == "net.torchscript.int8-full.pt"
    assert "not made in int8-full" in row.reason
    assert row.fix == "--to litert for this precision"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (QuantizationError("too much is lost", fix="allow more"), Status.QUANTIZE_FAIL),
        (ConversionError("no kernel", fix="another format"), Status.CONVERT_FAIL),
        (UsageError("the recipe was made for another model", fix="make one"), Status.CONVERT_FAIL),
    ],
)
def test_the_status_says_what_failed(error: Any, status: Status, tmp_path: Path) -> None:
    results = Results(REQUEST)
    row = registry.converter("torch", "litert", Precision.INT8_FULL)
    assert row is not None
    results.failed(row, Precision.INT8_FULL, error)
    found = only_row(results, tmp_path)
    assert (found.status, found.reason, found.fix) == (status, error.message, error.fix)


def test_failed_int8_leaves_the_float_rows_alone(tmp_path: Path) -> None:
    results = Results(replace(REQUEST, formats=("litert",)))
    file = tmp_path / "net.litert.fp32.tflite"
    file.write_bytes(b"x")
    results.judged(ParityRow(file=file.name, format="litert", precision="fp32", target="host", status=Status.PASS))
    results.made(artifact_at(file))
    row = registry.converter("torch", "litert", Precision.INT8_FULL)
    assert row is not None
    results.failed(row, Precision.INT8_FULL, QuantizationError("too much is lost", fix="allow more"))
    outcome = written(results, tmp_path)
    assert [(each.precision, each.status) for each in outcome.report.results] == [
        ("fp32", Status.PASS),
        ("int8-full", Status.QUANTIZE_FAIL),
    ]
    assert exit_code(outcome.report) == 3
    assert outcome.manifest is not None
    assert [record.file for record in outcome.manifest.artifacts] == [file.name]


def artifact_at(file: Path) -> Artifact:
    return Artifact(
        file=str(file), format="litert", precision=Precision.FP32, backend="xnnpack", sha256="0" * 64, bytes=1,
        route=("torch", "litert"), signature=DESCRIPTION.signature, made_by={},
    )  # fmt: skip


def test_a_recipe_is_listed_by_precision(tmp_path: Path) -> None:
    results = Results(REQUEST)
    recipe = tmp_path / "recipes" / "net.int8-full.recipe.json"
    results.based(Basis(precision=Precision.INT8_FULL, origin="torch", recipe=str(recipe)))
    results.based(Basis(precision=Precision.FP16, origin="torch"))
    outcome = written(results, tmp_path)
    assert outcome.manifest is not None
    assert outcome.manifest.recipes == {"int8-full": "recipes/net.int8-full.recipe.json"}


def test_a_job_carries_its_precision_and_recipe() -> None:
    (row,) = rows_for(REQUEST, Precision.INT8_FULL)
    basis = Basis(precision=Precision.INT8_FULL, origin="torch", recipe="r.recipe.json")
    job = convert_job(REQUEST, DESCRIPTION, row, basis, Path("folder"))
    assert (job.precision, job.recipe) == (Precision.INT8_FULL, "r.recipe.json")
    assert job.output.endswith("net.litert.int8-full.tflite")
