"""Every sample model becomes all four formats, passes, and does its task as well as the source."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import edgeproof

from edgeproof.converters.tensors import read_calls
from edgeproof.sample_models.catalog import SAMPLES, Sample
from edgeproof.sample_models.evaluation import evaluate, read_evaluation

FORMATS = {"torchscript", "executorch", "litert", "onnx"}

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_passes_in_every_format(sample: Sample, tmp_path: Path) -> None:
    inputs, _ = read_evaluation(sample)
    options = ("--samples", str(sample.evaluation), "-o", "out", "--json", "-q")
    done = edgeproof("convert", *sample.arguments(), *options, folder=tmp_path)
    assert done.code == 0, done.stdout + done.stderr
    assert done.statuses == dict.fromkeys(FORMATS, "PASS")
    assert done.document["report"]["real_samples"]
    count = len(next(iter(inputs.values())))
    source = _score(sample, tmp_path / "out" / "golden" / "reference.npz", count)
    for row in done.document["report"]["results"]:
        outputs = tmp_path / "out" / "golden" / f"{row['file']}.host.npz"
        assert _score(sample, outputs, count) == pytest.approx(source, abs=1e-4), row["format"]


def _score(sample: Sample, outputs: Path, count: int) -> float:
    return evaluate(sample, list(read_calls(outputs))[:count])
