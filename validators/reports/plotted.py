"""Which plots the HTML report shows, and a word instead of them where matplotlib is not installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from ..parity import ParityRow, Status, TensorParity
from .markup import escape

_MISSING = '<p class="soft">Plots need matplotlib: <code>pip install "edgeproof[report]"</code></p>\n'
_MOST_OUTPUTS = 3  # of one that did not pass; those that come nearest to their limits


def plots_of_all(rows: Sequence[ParityRow]) -> str:
    """How near every output comes to its limit."""
    if not any(output.checks for row in rows for output in row.outputs):
        return ""
    if find_spec("matplotlib") is None:
        return _MISSING
    from .plots import overview  # noqa: PLC0415 (it takes half a second)

    return f'<div class="plots">\n{overview(rows)}</div>\n'


def plots_of(row: ParityRow) -> str:
    """What one artifact's outputs look like."""
    most = 1 if row.status is Status.PASS else _MOST_OUTPUTS
    shown = sorted((output for output in row.outputs if output.profile), key=_nearness, reverse=True)[:most]
    if not shown or find_spec("matplotlib") is None:
        return ""
    return "".join(map(_block, shown))


def _block(output: TensorParity) -> str:
    return f'<h3>{escape(output.name)}</h3>\n<div class="plots">\n{"".join(_of(output))}</div>\n'


def _of(output: TensorParity) -> Iterator[str]:
    from . import plots  # noqa: PLC0415

    if output.profile is None:
        return
    if output.profile.errors or output.profile.noise:
        yield plots.errors(output, output.profile)
    if output.profile.points:
        yield plots.scatter(output, output.profile)
    yield plots.by_sample(output, output.profile)
    for check in output.checks:
        yield plots.behind(check)


def _nearness(output: TensorParity) -> float:
    return max((check.value / check.limit for check in output.checks if check.value and check.limit), default=0.0)
