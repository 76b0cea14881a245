"""What a diagnosis says to people: the guilty operator, its place, both values, and the command that shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeproof.cli.diagnosis_text import lines_of, write_diagnosis
from edgeproof.validators.diagnosis.report import DiagnosedLayer, Diagnosis, Ending
from edgeproof.validators.parity import Element, Status
from edgeproof.validators.steps import Hop


def layer(name: str, ratio: float | None = 1.0, *, reached: bool = True, module: str = "") -> DiagnosedLayer:
    line = "net.py:7, in forward"
    return DiagnosedLayer(name=name, operator=f"aten.{name}", module=module, line=line, ratio=ratio, reached=reached)


GUILTY = layer("linear", 1234.5, reached=False, module="body.0")
FOUND = Diagnosis(
    file="net.onnx.fp32.onnx",
    format="onnx",
    precision="fp32",
    target="host",
    status=Status.FAIL,
    call=3,
    ending=Ending.LOCATED,
    guilty=GUILTY,
    artifact_operator="Gemm node_linear",
    element=Element(call=3, index=(0, 7), reference=0.385507029, actual=0.389596701),
    hops=(Hop(start="source", end="exported program", output="y", ratio=0.5, unit="x the noise floor", exceeds=False),),
    layers=(layer("conv", 1.25), layer("unseen", None, reached=False), GUILTY, layer("after", 99.0)),
    folder="out of order",
    reproduced=True,
    notes=("it was edited",),
)


def test_the_guilty_operator_is_told_with_its_place_its_values_and_its_command() -> None:
    assert list(lines_of(FOUND)) == [
        "FAIL  net.onnx.fp32.onnx on host, call 3",
        "  source -> exported program: 0.5 x the noise floor",
        "first operator that is off: aten.linear linear of body.0 (net.py:7, in forward)",
        "  in the artifact: Gemm node_linear",
        "  difference: 1.23e+03 x its own noise; before it at most 1.25 x",
        "  furthest off at [0, 7]: source 0.385507029, artifact 0.389596701",
        "reproduce: python 'out of order/reproduce.py'  (it shows the difference)",
        "note: it was edited",
    ]


def test_what_is_computed_in_one_with_it_and_what_is_not_seen_are_told() -> None:
    fused = replace(
        FOUND,
        guilty=replace(GUILTY, ratio=None, module="", line=""),
        fused=(layer("relu", module="body.1"),),
        artifact_operator="",
        layers=(GUILTY,),
        element=None,
        folder=None,
    )
    shown = list(lines_of(fused))
    assert shown[2:6] == [
        "first operator that is off: aten.linear linear",
        "  or, computed in one with it: aten.relu relu of body.1 (net.py:7, in forward)",
        "  in the artifact: not seen",
        "  difference: not recognisable",
    ]


def test_a_script_that_shows_nothing_is_no_proof() -> None:
    shown = "\n".join(lines_of(replace(FOUND, reproduced=False)))
    assert "(run alone the operator does not show the difference)" in shown


def test_an_artifact_that_is_right_has_no_culprit() -> None:
    right = replace(FOUND, status=Status.PASS, ending=Ending.NOTHING, guilty=None, hops=(), notes=())
    assert list(lines_of(right)) == ["PASS  net.onnx.fp32.onnx on host, call 3", "no operator leaves the source"]


def test_a_runtimes_own_rewriting_is_named() -> None:
    fault = replace(FOUND, ending=Ending.RUNTIME, guilty=None, hops=(), notes=(), without="XNNPACK")
    assert list(lines_of(fault))[1] == "every operator is right without XNNPACK: the fault lies in what that does"


def test_names_from_a_file_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    write_diagnosis(replace(FOUND, artifact_operator="Gemm \x1b[2J"))
    assert "\x1b" not in capsys.readouterr().out
