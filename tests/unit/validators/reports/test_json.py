"""parity.json: the contract's fields, a round trip, and a schema that is current."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import pytest
from reports import failing_report, outputs, report, row

from edgeproof.converters.errors import InputError
from edgeproof.validators.parity import ParityReport, Status
from edgeproof.validators.reports.json import decode, encode, schema_text, write_json

SCHEMA = Path(__file__).resolve().parents[4] / "docs" / "schemas" / "parity.schema.json"


def test_a_report_comes_back_as_it_was():
    whole = report(failing_report().results[:-1])
    assert decode(encode(whole)) == whole


def test_a_name_that_is_not_utf_8_does_not_stop_the_report():
    whole = failing_report()
    back = decode(encode(whole))
    assert back.results[-1].file == whole.results[-1].file.replace("\ud800", "?")
    assert back.results[:-1] == whole.results[:-1]


def test_the_contracts_fields_are_there():
    written = json.loads(encode(report((row("onnx", Status.PASS, judged=outputs()),))))
    assert written["schema"] == 1
    assert written["verdict"] == "PASS"
    (result,) = written["results"]
    assert {"file", "format", "precision", "target", "status", "reason", "outputs"} <= set(result)
    for output in result["outputs"]:
        assert {"name", "max_abs", "rms", "sqnr_db", "cosine", "noise_ratio"} <= set(output)
    assert written["real_samples"] is True


def test_no_figure_is_written_that_json_has_no_number_for():
    whole = report((row("onnx", Status.FAIL, judged=outputs(nan=True)),))
    written = json.loads(encode(whole), parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
    scores = written["results"][0]["outputs"][0]
    assert scores["max_abs"] is None
    assert scores["worst"]["actual"] == "nan"
    assert math.isfinite(scores["worst"]["reference"])


def test_limits_stand_beside_values():
    written = json.loads(encode(report((row("onnx", Status.FAIL, judged=outputs(1.01)),))))
    first = written["results"][0]["outputs"][0]["checks"][0]
    assert set(first) == {"quantity", "value", "limit", "passed", "would_pass"}
    assert first["value"] > first["limit"]
    assert first["would_pass"] >= first["value"]


def test_fields_of_a_later_version_are_ignored():
    written = json.loads(encode(report(())))
    written["later"] = {"anything": 1}
    assert isinstance(decode(json.dumps(written).encode()), ParityReport)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b'{"schema": 2}', b'{"schema": "1"}', b'{"schema": 1}', b"\xff", b'{"schema": 1, "verdict"'],
)
def test_what_is_no_report_is_refused_in_words(data: bytes):
    with pytest.raises(InputError, match=r"here\.json"):
        decode(data, name="here.json")


def test_the_file_is_written_whole(tmp_path: Path):
    whole = report((row("onnx", Status.PASS, judged=outputs()),))
    write_json(whole, tmp_path / "parity.json")
    assert decode((tmp_path / "parity.json").read_bytes()) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["parity.json"]


def test_the_documented_schema_is_current():
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), (
        "run: python -c \"from edgeproof.validators.reports.json import schema_text; print(schema_text(), end='')\" "
        "> docs/schemas/parity.schema.json"
    )


def test_every_field_of_the_report_is_in_the_schema():
    definitions = json.loads(schema_text())["$defs"]
    written = json.loads(encode(report((row("onnx", Status.FAIL, judged=outputs(1.01)),))))
    assert set(written) == set(definitions["ParityReport"]["properties"])
    assert set(written["results"][0]) == set(definitions["ParityRow"]["properties"])
    assert set(written["results"][0]["outputs"][0]) == set(definitions["TensorParity"]["properties"])
    assert msgspec.json.decode(encode(report(())), type=ParityReport)
