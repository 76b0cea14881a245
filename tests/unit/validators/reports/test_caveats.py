"""Every form of the report says in words when no real samples were given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from reports import failing_report

from edgeproof.validators.parity import ParityReport
from edgeproof.validators.reports.html import html
from edgeproof.validators.reports.junit import junit
from edgeproof.validators.reports.markdown import markdown

SAID = "Judged on generated inputs alone"


@pytest.mark.parametrize("form", [html, junit, markdown])
def test_generated_inputs_alone_are_named(form: Callable[[ParityReport], str]):
    assert SAID in form(failing_report())
    assert SAID not in form(failing_report(real=True))
