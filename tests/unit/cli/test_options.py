from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproof.cli.options import parse_assignments, parse_memory, parse_names
from edgeproof.cli.reports import parse_reports
from edgeproof.converters.errors import UsageError

_KNOWN = ("torchscript", "executorch", "litert", "onnx")


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (("onnx",), ("onnx",)),
        (("onnx,litert",), ("onnx", "litert")),
        (("litert", "onnx"), ("litert", "onnx")),
        (("onnx, onnx ,ONNX",), ("onnx",)),
        (("all",), _KNOWN),
        (("onnx,all",), ("onnx", "torchscript", "executorch", "litert")),
    ],
)
def test_names_come_in_the_order_given_and_once(texts: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert parse_names(texts, option="--to", known=_KNOWN) == names


def test_a_name_that_is_nearly_right_gets_the_right_one() -> None:
    with pytest.raises(UsageError) as caught:
        parse_names(("onxx",), option="--to", known=_KNOWN)
    assert caught.value.message == "--to does not know 'onxx'"
    assert caught.value.fix.startswith("did you mean onnx?")


@pytest.mark.parametrize("text", ["", "onnx,", "coreml"])
def test_a_name_that_is_not_known_gets_the_choices(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_names((text,), option="--to", known=_KNOWN)
    assert "torchscript, executorch, litert, onnx" in caught.value.fix


def test_assignments_keep_everything_after_the_first_equals_sign() -> None:
    assert parse_assignments(("width=32", "name=a=b", "empty="), option="--model-arg") == {
        "width": "32",
        "name": "a=b",
        "empty": "",
    }


@pytest.mark.parametrize("texts", [("width",), ("=3",), ("a b=3",), ("a=1", "a=2")])
def test_assignments_that_make_no_sense_are_refused(texts: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--model-arg"):
        parse_assignments(texts, option="--model-arg")


@pytest.mark.parametrize(
    ("text", "size"),
    [(None, None), ("4G", 4 << 30), ("1.5G", 3 << 29), ("800M", 800 << 20), ("2GiB", 2 << 30), ("2097152", 2 << 20)],
)
def test_memory_is_a_number_of_powers_of_1024(text: str | None, size: int | None) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "much", "4X", "-1G", "100", "0G"])
def test_memory_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--memory"):
        parse_memory(text)


@given(st.text())
def test_no_text_breaks_the_parsers(text: str) -> None:
    for parse in (
        lambda: parse_names((text,), option="--to", known=_KNOWN),
        lambda: parse_assignments((text,), option="--model-arg"),
        lambda: parse_memory(text),
        lambda: parse_reports((text,)),
    ):
        try:
            parse()
        except UsageError as error:
            assert error.fix  # noqa: PT017 (any text may also be fine)


def test_reports_come_by_kind(tmp_path: object) -> None:
    found = parse_reports((f"junit={tmp_path}/a.xml,json={tmp_path}/b.json", f"md={tmp_path}/c.md"))
    assert [(kind, path.name) for kind, path in found.items()] == [
        ("junit", "a.xml"),
        ("json", "b.json"),
        ("md", "c.md"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("junit", "is not understood"),
        ("junt=a.xml", "does not know 'junt'"),
        ("json=a.json,json=b.json", "twice"),
        ("json=missing/a.json", "is not a folder"),
        ("json=.", "is a folder"),
    ],
)
def test_reports_that_cannot_be_written_are_refused_before_anything_starts(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_reports((text,))
