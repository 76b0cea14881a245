"""The HTML report in a real browser: nothing fetched, nothing complained of, plots to be seen, readable on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page import PHONE, WIDE, browser_is_here, opened
from reports import failing_report, outputs, report, row

from edgeproof.validators.parity import Status
from edgeproof.validators.reports.html import html

pytestmark = pytest.mark.skipif(
    not browser_is_here(), reason="there is no Chromium here: apt-get install chromium chromium-driver"
)
_READABLE = 8.5  # CSS pixels: smaller text is not read on a phone
_VIEWS = {
    "wide and light": (WIDE, False),
    "wide and dark": (WIDE, True),
    "a phone, light": (PHONE, False),
    "a phone, dark": (PHONE, True),
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of passes, failures and hostile texts, every part of it open."""
    rows = (*failing_report(real=True).results, row("pass", Status.PASS, judged=outputs()))
    place = tmp_path_factory.mktemp("page") / "report.html"
    place.write_text(html(report(rows)).replace("<details id", "<details open id"), encoding="utf-8")
    return place


@pytest.fixture(scope="module", params=_VIEWS, ids=str)
def view(request: pytest.FixtureRequest, page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    size, dark = _VIEWS[request.param]
    with opened(page, size, dark=dark, profile=tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def test_the_console_stays_empty(view: Any):
    assert view.get_log("browser") == []


def test_plots_are_seen(view: Any):
    boxes = view.execute_script(
        "return [...document.querySelectorAll('figure.plot svg')].map(e => [e.clientWidth, e.clientHeight,"
        " e.querySelectorAll('path').length])"
    )
    assert len(boxes) > 4
    assert all(width > 150 and height > 80 and paths > 5 for width, height, paths in boxes)


def test_nothing_is_wider_than_the_screen(view: Any):
    seen, whole = view.execute_script("return [window.innerWidth, document.documentElement.scrollWidth]")
    assert whole <= seen


def test_texts_of_plots_can_be_read(view: Any):
    heights = view.execute_script(
        "return [...document.querySelectorAll('figure.plot svg text')].map(e => e.getBoundingClientRect().height)"
    )
    assert heights
    assert np.percentile(heights, 10) > _READABLE


def test_marks_stand_out_from_the_paper(view: Any):
    """The contrast of text in plots with the page, by the formula of WCAG 2."""
    ink, paper = view.execute_script(
        "const text = document.querySelector('figure.plot svg text');"
        "return [getComputedStyle(text).fill, getComputedStyle(document.body).backgroundColor]"
    )
    lighter, darker = sorted((_luminance(ink), _luminance(paper)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) > 4.5


def test_nothing_is_fetched(view: Any):
    assert view.execute_script("return performance.getEntriesByType('resource').length") == 0


def _luminance(colour: str) -> float:
    parts = [int(each) / 255 for each in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
