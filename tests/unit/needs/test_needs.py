"""What artifacts need at run time, read from small files whose needs are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from artifacts import golden

from edgeproof.converters.errors import SourceError
from edgeproof.converters.inspection.litert_names import OPERATORS
from edgeproof.converters.needs import litert_versions
from edgeproof.converters.needs.litert_versions import since
from edgeproof.converters.needs.needs import Operator
from edgeproof.converters.needs.reading import needs_of

MADE_BY = {"executorch": "1.5.1", "torch": "2.13.0"}


def test_onnx_needs_a_version_that_reads_its_ir_and_opset() -> None:
    needs, reduced = needs_of(golden("net.onnx"), "onnx", made_by=MADE_BY)
    assert needs.runtime == "onnxruntime"
    assert (needs.declares["ir"], needs.declares["opset ai.onnx"]) == ("10", "20")
    assert needs.least == "1.18"
    assert needs.least_by.startswith("IR 10, opset 20")
    assert Operator(name="CumSum", domain="ai.onnx", version=20, count=1) in needs.operators
    assert reduced is not None
    lines = [line for line in reduced.text.splitlines() if not line.startswith("#")]
    assert lines == [f"ai.onnx;20;{','.join(sorted(operator.name for operator in needs.operators))}"]
    assert "ORT_ENABLE_BASIC" in reduced.text


def test_an_opset_from_the_future_is_unknown(tmp_path: Path) -> None:
    data = golden("net.onnx").read_bytes()
    future = tmp_path / "future.onnx"
    future.write_bytes(data + bytes([8 << 3 | 2, 4, 0x0A, 0, 0x10, 99]))  # opset_import {domain "", version 99}
    needs, _ = needs_of(future, "onnx", made_by={})
    assert needs.least == "unknown"
    assert "opset 99: newer than ONNX Runtime" in needs.least_by


@pytest.mark.parametrize(
    ("name", "least", "why"), [("net.tflite", "2.4.0", "CUMSUM 1"), ("int8.tflite", "1.14.0", "FULLY_CONNECTED 4")]
)
def test_litert_needs_what_has_its_operators(name: str, least: str, why: str) -> None:
    needs, reduced = needs_of(golden(name), "litert", made_by=MADE_BY)
    assert needs.runtime == "LiteRT"
    assert needs.declares["minimum runtime"] == needs.least == least
    assert why in needs.least_by
    assert reduced is not None
    listed = json.loads(reduced.text)["operators"]
    assert [(each["name"], each["version"], each["count"]) for each in listed] == [
        (operator.name, operator.version, operator.count) for operator in needs.operators
    ]


def test_custom_operators_of_litert_are_the_apps() -> None:
    needs, _ = needs_of(golden("flex.tflite"), "litert", made_by=MADE_BY)
    assert Operator(name="FlexMatrixInverse", domain="custom", count=1) in needs.operators
    assert "FlexMatrixInverse must be registered by the app" in needs.least_by


def test_memory_is_told_where_the_file_fixes_it() -> None:
    assert needs_of(golden("net.tflite"), "litert", made_by={})[0].arena_bytes
    assert needs_of(golden("dynamic.tflite"), "litert", made_by={})[0].arena_bytes is None


def test_the_table_of_versions_names_operators_of_the_schema() -> None:
    assert set(litert_versions._SINCE) <= set(OPERATORS)
    assert since("CONV_2D", 8) == "2.15.0"
    assert since("BROADCAST_TO", 1) is None
    assert since("BROADCAST_TO", 2) == "2.5.0"
    assert since("CONV_2D", 0) is since("CONV_2D", 99) is since("STABLEHLO_SORT", 1) is None


def test_executorch_needs_backends_and_the_kernels_beside_them() -> None:
    needs, reduced = needs_of(golden("net.pte"), "executorch", made_by=MADE_BY)
    assert (needs.runtime, needs.least) == ("executorch", "1.5.1")
    assert needs.least_by.startswith("the version that made it")
    assert needs.backends == ("XnnpackBackend",)
    assert Operator(name="aten::cumsum.out", count=1) in needs.operators
    assert Operator(name="StaticTranspose", count=2, backend="XnnpackBackend") in needs.operators
    assert reduced is not None
    assert reduced.text == "aten::cumsum.out,aten::mean.out\n"
    assert needs.arena_bytes == 592


def test_torchscript_needs_the_version_that_made_it() -> None:
    needs, reduced = needs_of(golden("net.pt"), "torchscript", made_by=MADE_BY)
    assert (needs.runtime, needs.least, reduced) == ("libtorch", "2.13.0", None)
    assert "its format, 3," in needs.least_by
    assert any(operator.name == "aten::linear" for operator in needs.operators)


def test_without_the_version_that_made_it_the_least_is_unknown() -> None:
    assert needs_of(golden("net.pt"), "torchscript", made_by={})[0].least == "unknown"
    assert needs_of(golden("net.pt"), "coreml", made_by={})[0].least == "unknown"


@pytest.mark.parametrize(("name", "format_name"), [("net.pte", "executorch"), ("net.tflite", "litert")])
def test_a_damaged_file_is_refused(name: str, format_name: str, tmp_path: Path) -> None:
    cut = tmp_path / name
    cut.write_bytes(golden(name).read_bytes()[:100])
    with pytest.raises(SourceError, match="damaged"):
        needs_of(cut, format_name, made_by={})
