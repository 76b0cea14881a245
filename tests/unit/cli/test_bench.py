from __future__ import annotations

import json
from pathlib import Path

import pytest
from latency_rows import VNNI, beside_float, manifest_of, report_of, row

from edgeproof.cli.commands import bench as bench_command
from edgeproof.cli.commands.bench import parse_threads
from edgeproof.cli.main import run
from edgeproof.converters.errors import UsageError
from edgeproof.converters.manifest import FILE_NAME, encode
from edgeproof.converters.precision import Precision
from edgeproof.validators.latency.advice import advise
from edgeproof.validators.latency.bench import BenchRequest, available_processors
from edgeproof.validators.latency.report import LatencyReport, Measured

FP32, INT8 = Precision.FP32, Precision.INT8
ROWS = beside_float(row(FP32, 10.0), row(INT8, 12.0, rounding=30, sqnr_db=31.5, integer_share=1.0))
BROKEN = row(
    INT8, 1.0, status=Measured.LOAD_FAIL, milliseconds=None, reason="it does not open", fix="convert again",
    exit_code=1, format="litert", log="/logs/1.log",
)  # fmt: skip


def measure(monkeypatch: pytest.MonkeyPatch, report: LatencyReport) -> list[BenchRequest]:
    """Requests that would have been measured; all give this report."""
    requests: list[BenchRequest] = []

    def bench(request: BenchRequest, *, on_progress: object) -> LatencyReport:
        assert callable(on_progress)
        requests.append(request)
        return report

    monkeypatch.setattr(bench_command, "bench", bench)
    return requests


def test_by_default_one_thread_and_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = measure(monkeypatch, report_of(*ROWS))
    assert run(["bench", "out", "-q"]) == 0
    [request] = asked
    assert request.threads == tuple(sorted({1, available_processors()}))
    assert (request.place, request.rounds, request.limits.jobs) == (Path("out"), 3, 1)


def test_the_table_has_the_figures_and_below_stands_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measure(monkeypatch, report_of(*ROWS, advice=advise(ROWS, manifest_of(ROWS), VNNI)))
    assert run(["bench", "out", "-q"]) == 0
    shown = capsys.readouterr().out
    line = next(line for line in shown.splitlines() if line.startswith("onnx") and " int8 " in line)
    assert line.split() == ("onnx int8 1 12.0 11.9 to 12.1 1.20 1000 B 0.25 31.5 dB 100 % \N{EN DASH}".split())
    assert "onnx: int8 is slower than fp32 (1.20 times with 1 thread)" in shown
    assert "because 30 operators only to quantise or dequantise are left standing" in shown
    assert "note: on 8 stored real calls, in 3 rounds of new processes; a processor, 2 processors" in shown


def test_a_failure_is_a_row_a_reason_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measure(monkeypatch, report_of(*ROWS, BROKEN))
    assert run(["bench", "out", "-q"]) == 1
    shown = capsys.readouterr().out
    assert "LOAD_FAIL litert int8: it does not open\nfix: convert again\nlog: /logs/1.log" in shown


def test_json_is_the_document(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    measure(monkeypatch, report_of(*ROWS))
    assert run(["bench", "out", "-q", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], [each["precision"] for each in document["rows"]]) == (1, ["fp32", "int8"])


def test_threads_are_read() -> None:
    assert parse_threads("1,all", available=4) == (1, 4)
    assert parse_threads(" 2, 1,2", available=4) == (1, 2)
    for wrong in ("", "0", "two", "1,,2", "-1"):
        with pytest.raises(UsageError, match="not understood"):
            parse_threads(wrong, available=4)
    with pytest.raises(UsageError, match="more than the 4 processors"):
        parse_threads("5", available=4)


def test_nothing_to_measure_is_2_with_a_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", str(tmp_path / "missing"), "-q"]) == 2
    assert "fix: " in capsys.readouterr().err
    assert run(["bench", str(tmp_path), "-q"]) == 2
    assert "fix: " in capsys.readouterr().err
    (tmp_path / FILE_NAME).write_bytes(encode(manifest_of(())))
    assert run(["bench", str(tmp_path), "-q"]) == 2
    assert "nothing to measure" in capsys.readouterr().err
    (tmp_path / FILE_NAME).write_bytes(encode(manifest_of(ROWS)))
    assert run(["bench", str(tmp_path), "-q"]) == 2
    assert "samples.npz is missing" in capsys.readouterr().err
