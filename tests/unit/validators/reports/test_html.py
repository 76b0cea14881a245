"""HTML: one file, well nested, readable by machines, with nobody's text as markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from reports import HOSTILE, failing_report, outputs, report, row

from edgeproof.validators.parity import Status
from edgeproof.validators.reports.html import html

VOID = {"meta", "br"}


class Page(HTMLParser):
    """The page's tags in order, its ids and links, checked for nesting."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(html(failing_report()))


def test_tags_are_closed_in_the_order_they_were_opened(page: Page):
    assert [tag for tag, _ in page.tags][:2] == ["html", "head"]


def test_nothing_is_loaded_from_elsewhere(page: Page):
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert all(str(link["href"]).startswith("#") for link in page.all("a"))
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in str(policy)


def test_links_lead_to_their_rows(page: Page):
    ids = [attributes["id"] for _, attributes in page.tags if str(attributes.get("id", "")).startswith("row-")]
    links = [str(link["href"])[1:] for link in page.all("a")]
    assert len(links) == len(failing_report().results)
    assert links == ids


def test_no_name_is_given_twice(page: Page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_what_failed_is_open_and_what_passed_is_not(page: Page):
    assert ["open" in attributes for attributes in page.all("details")] == [False, *[True] * 7]


def test_hostile_text_is_shown_and_is_not_markup(page: Page):
    shown = "".join(page.text)
    assert "</script><b a='1' c=\"2\">|`x`&amp;" in shown
    assert "\x00" not in shown
    assert "\x1b" not in shown
    assert not page.all("b")
    html(failing_report()).encode("utf-8")


def test_it_can_be_read_aloud(page: Page):
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in heading for heading in page.all("th"))
    assert all("aria-label" in attributes for attributes in page.all("div") if attributes.get("role") == "region")


def test_verdicts_are_words_not_only_colours(page: Page):
    shown = "".join(page.text)
    assert all(status.value in shown for status in Status)


def test_light_and_dark_are_both_styled():
    assert "prefers-color-scheme: dark" in html(failing_report())


def test_a_report_without_rows_says_so():
    assert "Nothing was judged" in html(report(()))


def test_a_pass_has_its_figures():
    text = html(report((row("onnx", Status.PASS, judged=outputs()),)))
    assert "identical" in text
    assert HOSTILE not in text
