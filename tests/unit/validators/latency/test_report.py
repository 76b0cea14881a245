"""The document that --json prints: a round trip, a schema that is current, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from latency_rows import VNNI, beside_float, manifest_of, report_of, row

from edgeproof.converters.precision import Precision
from edgeproof.validators.latency.advice import advise
from edgeproof.validators.latency.report import DOCUMENT, Measured, exit_code

SCHEMA = Path(__file__).resolve().parents[4] / "docs" / "schemas" / "latency.schema.json"


def test_a_report_is_read_as_it_was_written() -> None:
    rows = beside_float(row(Precision.FP32, 10.0), row(Precision.INT8, 12.0, memory=1 << 20, sqnr_db=30.0))
    report = report_of(*rows, advice=advise(rows, manifest_of(rows), VNNI))
    data = DOCUMENT.encode(report)
    assert DOCUMENT.decode(data, name="latency.json") == report
    assert json.loads(data)["rows"][1]["against_float"] == {"times": 1.2, "difference": "slower"}


def test_the_documented_schema_is_current() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == DOCUMENT.schema_text(), (
        'run: python -c "from edgeproof.validators.latency.report import DOCUMENT; '
        "print(DOCUMENT.schema_text(), end='')\" > docs/schemas/latency.schema.json"
    )


@pytest.mark.parametrize(("codes", "expected"), [((0, 0), 0), ((0, 1), 1), ((4, 1), 1), ((1, 6), 6), ((4, 0), 4)])
def test_the_exit_code_is_the_gravest(codes: tuple[int, ...], expected: int) -> None:
    rows = [row(Precision.FP32, 1.0, exit_code=code, status=Measured.RUN_FAIL) for code in codes]
    assert exit_code(report_of(*rows)) == expected
