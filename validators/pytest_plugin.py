"""A pytest fixture that fails a test where an artifact does not compute what its source computes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

# Every test session of whoever installed edgeproof imports this module: what it needs is imported when it is used.
if TYPE_CHECKING:
    import numpy as np

    from .parity import ParityReport


class AssertParity(Protocol):
    """What the fixture `assert_parity` is, for annotations."""

    def __call__(
        self,
        artifact: str | Path,
        source: str | Path | None = None,
        samples: str | Path | Mapping[str, np.ndarray] | None = None,
    ) -> ParityReport:
        """Judge `artifact`, one file in a folder that `edgeproof convert` wrote, or all that is in the folder.

        Without `source` the stored outputs count, with it the source runs again: a checkpoint's path or a factory.
        `samples` are judged on instead of the stored ones, which takes a source: an .npz, a folder of them, or arrays
        by input name with one call per row of the first axis.

        Returns the report. Raises AssertionError unless all of it passed, also where nothing could be judged; and
        EdgeproofError if what was asked for makes no sense.
        """
        ...


@pytest.fixture(scope="session")
def assert_parity() -> AssertParity:
    """Fails the test unless an artifact computes what its source computes: `assert_parity(artifact, source=None)`."""
    return require_parity


def require_parity(
    artifact: str | Path,
    source: str | Path | None = None,
    samples: str | Path | Mapping[str, np.ndarray] | None = None,
) -> ParityReport:
    """The report on an artifact; AssertionError unless it passed (see AssertParity)."""
    __tracebackhide__ = True
    from .api import verify  # noqa: PLC0415 (what makes this module light)
    from .parity import Verdict  # noqa: PLC0415
    from .reports.text import failure_text  # noqa: PLC0415

    report = verify(artifact, against=None if source is None else str(source), samples=samples).report
    if report.verdict is not Verdict.PASS:
        raise AssertionError(failure_text(report))
    return report
