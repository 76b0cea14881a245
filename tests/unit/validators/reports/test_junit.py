"""JUnit: well-formed whatever the texts are, and red for everything but a pass."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from reports import failing_report, outputs, report, row

from edgeproof.validators.parity import Status
from edgeproof.validators.reports.junit import junit


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text.encode("utf-8"))


def test_every_row_is_a_test_case():
    suites = parsed(junit(failing_report()))
    assert suites.tag == "testsuites"
    assert len(suites.findall("./testsuite/testcase")) == len(failing_report().results)


def test_counts_are_those_of_the_cases():
    suites = parsed(junit(failing_report()))
    for element in (suites, suites.find("testsuite")):
        assert element is not None
        assert element.get("tests") == "8"
        assert element.get("failures") == "2"
        assert element.get("errors") == "5"


@pytest.mark.parametrize("status", list(Status))
def test_only_a_pass_is_green_and_nothing_is_skipped(status: Status):
    suites = parsed(junit(report((row("onnx", status, judged=outputs()),))))
    (case,) = suites.iter("testcase")
    red = case.findall("failure") + case.findall("error")
    assert len(red) == (0 if status is Status.PASS else 1)
    assert not list(suites.iter("skipped"))


def test_a_failure_tells_the_reason_and_the_fix():
    suites = parsed(junit(failing_report()))
    failure = suites.find(".//testcase/failure")
    assert failure is not None
    assert failure.get("type") == "tolerance"
    assert "too far from the source" in (failure.get("message") or "")
    assert "fix: " in (failure.text or "")


def test_a_report_without_rows_is_red():
    suites = parsed(junit(report(())))
    assert suites.get("errors") == "1"
    assert suites.find(".//error") is not None


def test_names_tell_the_rows_apart():
    suites = parsed(junit(failing_report()))
    names = [(case.get("classname"), case.get("name")) for case in suites.iter("testcase")]
    assert len(set(names)) == len(names)


def test_provenance_is_in_the_properties():
    suites = parsed(junit(failing_report()))
    values = {one.get("name"): one.get("value") for one in suites.iter("property")}
    assert values["source_sha256"] == "cd" * 32
    assert values["real_samples"] == "false"
    assert values["processor"] == "Maker Model 7"
