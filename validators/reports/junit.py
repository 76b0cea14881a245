"""The report as JUnit XML, one test case per artifact and target, for GitLab, Jenkins and GitHub.

An artifact that was not run is an error there, never "skipped": CI shows skipped tests as green.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from ..parity import ParityReport, ParityRow, Status, TensorParity
from .wording import caveats, figure, headline, limits, notes_on, printable, sqnr, versions


def junit(report: ParityReport) -> str:
    """The XML text; a report without rows holds one error, so that it is not green either."""
    cases = [_case(report, row) for row in report.results] or [_nothing_judged(report)]
    failures = sum(case.find("failure") is not None for case in cases)
    errors = sum(case.find("error") is not None for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": str(errors)}
    seconds = f"{sum(row.seconds or 0.0 for row in report.results):.3f}"
    suites = ET.Element("testsuites", {"name": "edgeproof", **counts, "time": seconds})
    suite = ET.SubElement(
        suites, "testsuite", {"name": printable(report.source), **counts, "skipped": "0", "time": seconds}
    )
    suite.append(_properties(report))
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = printable("\n".join([headline(report), *caveats(report)]))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _case(report: ParityReport, row: ParityRow) -> ET.Element:
    attributes = {
        "classname": f"edgeproof.{report.source}.{row.format}.{row.precision}",
        "name": f"{row.file} on {row.target}",
        "time": f"{row.seconds or 0.0:.3f}",
        "file": row.file,
    }
    case = ET.Element("testcase", {key: printable(value) for key, value in attributes.items()})
    if row.status is not Status.PASS:
        kind = "failure" if row.status is Status.FAIL else "error"
        problem = {"message": row.reason or row.status.value, "type": row.code or row.status.value}
        problem_element = ET.SubElement(case, kind, {key: printable(value) for key, value in problem.items()})
        problem_element.text = printable("\n".join(_problem_lines(row)))
    details = [line for output in row.outputs for line in _output_lines(output)]
    ET.SubElement(case, "system-out").text = printable("\n".join([*details, *notes_on(row), versions(row)]))
    return case


def _problem_lines(row: ParityRow) -> list[str]:
    findings = [*row.findings, *(finding for output in row.outputs for finding in output.findings)]
    lines = [
        f"{row.status}: {row.reason}",
        *(f"{one.code}: {one.reason}" for one in findings if one.reason != row.reason),
    ]
    if row.fix:
        lines.append(f"fix: {row.fix}")
    if row.log:
        lines.append(f"log: {row.log}")
    return lines


def _output_lines(output: TensorParity) -> list[str]:
    figures = f"max_abs {figure(output.max_abs)}, rms {figure(output.rms)}, SQNR {sqnr(output)}"
    return [f"{output.name}: {output.status}, {figures}", *(f"  {limit}" for limit in limits(output)), *output.notes]


def _nothing_judged(report: ParityReport) -> ET.Element:
    case = ET.Element(
        "testcase", {"classname": printable(f"edgeproof.{report.source}"), "name": "parity", "time": "0.000"}
    )
    text = "no artifact was judged"
    ET.SubElement(case, "error", {"message": text, "type": Status.NOT_RUN.value}).text = text
    return case


def _properties(report: ParityReport) -> ET.Element:
    values = {
        "verdict": report.verdict.value,
        "edgeproof": report.edgeproof,
        "source_sha256": report.source_sha256,
        "samples_sha256": report.samples_sha256,
        "samples": str(report.samples),
        "real_samples": str(report.real_samples).lower(),
        "seed": str(report.seed),
        "processor": report.processor.name,
        "processor_features": " ".join(report.processor.features),
    }
    properties = ET.Element("properties")
    for name, value in values.items():
        ET.SubElement(properties, "property", {"name": name, "value": printable(value)})
    return properties
