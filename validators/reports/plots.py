"""Plots for the HTML report, as SVG that takes its colours from the page: for light and dark screens alike."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from ..limits import distribution
from ..parity import Check, ParityRow, Profile, TensorParity
from ..profile import STEP

# Placeholders that no plot has otherwise; the page's stylesheet says what they are.
_INK, _SOFT, _LINE, _ARTIFACT, _SOURCE, _LIMIT = "#010203", "#010204", "#010205", "#010206", "#010207", "#010208"
_COLOURS = {
    _INK: "var(--ink)",
    _SOFT: "var(--soft)",
    _LINE: "var(--line)",
    _ARTIFACT: "var(--artifact)",
    _SOURCE: "var(--source)",
    _LIMIT: "var(--fail)",
}
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "edgeproof",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _SOFT,
    "axes.edgecolor": _LINE,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "mathtext.default": "regular",
}
_SMALL = (3.6, 2.6)
_WIDE = 5.0


def overview(rows: Sequence[ParityRow]) -> str:
    """Every output of every artifact by its share of the limit that it comes nearest to; "" if there is none."""
    nearest = [(row, output, _nearest(output)) for row in rows for output in row.outputs]
    marks = [(row, output, check) for row, output, check in nearest if check is not None]
    if not marks:
        return ""

    def draw(axes: Any) -> None:
        several = len({row.target for row, _, _ in marks}) > 1
        names = [f"{_called(row, with_target=several)}: {output.name}" for row, output, _ in marks]
        shares = [max(check.value or 0.0, 1e-6) / check.limit for _, _, check in marks]
        places = np.arange(len(marks))
        axes.hlines(places, min(0.01, *shares), shares, color=_LINE)
        axes.plot(shares, places, "o", color=_ARTIFACT)
        axes.axvline(1, color=_LIMIT, linewidth=1.2)
        axes.set_xscale("log")
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlabel("share of the limit (1 = the limit)")

    return _svg(draw, (_WIDE, 0.9 + 0.26 * len(marks)), f"Share of the limit of {len(marks)} outputs")


def errors(output: TensorParity, profile: Profile) -> str:
    """The artifact's errors beside the source's own noise."""

    def draw(axes: Any) -> None:
        for bins, colour, name in ((profile.noise, _SOURCE, "source"), (profile.errors, _ARTIFACT, "artifact")):
            if bins:
                places = [10 ** (STEP * place) for place, _ in bins]
                total = sum(count for _, count in bins)
                axes.step(places, [100 * count / total for _, count in bins], color=colour, where="post", label=name)
        if output.floor:
            axes.axvline(output.floor, color=_SOFT, linestyle=":", label="noise floor")
        axes.set_xscale("log")
        axes.set_xlabel("difference from the truth")
        axes.set_ylabel("% of elements")
        axes.legend(fontsize=8)

    return _svg(draw, _SMALL, f"Errors of {output.name}, artifact and source")


def scatter(output: TensorParity, profile: Profile) -> str:
    """Values of the source and of the artifact."""

    def draw(axes: Any) -> None:
        values = np.array(profile.points)
        low, high = float(values.min()), float(values.max())
        axes.plot([low, high], [low, high], color=_LINE, linewidth=1)
        axes.plot(values[:, 0], values[:, 1], "o", color=_ARTIFACT, markersize=3, alpha=0.7)
        axes.set_xlabel("source")
        axes.set_ylabel("artifact")

    return _svg(draw, _SMALL, f"Values of {output.name}, source against artifact")


def by_sample(output: TensorParity, profile: Profile) -> str:
    """The rms difference of every call."""

    def draw(axes: Any) -> None:
        axes.plot([max(value, 1e-45) for value in profile.by_call], "o-", color=_ARTIFACT, markersize=3, linewidth=0.8)
        if output.floor:
            axes.axhline(output.floor, color=_SOFT, linestyle=":")
        axes.set_yscale("log")
        axes.set_xlabel("sample")
        axes.set_ylabel("rms difference")

    return _svg(draw, _SMALL, f"Difference of {output.name} by sample")


def behind(check: Check) -> str:
    """The figures of correct artifacts that a limit was derived from, with the limit and this figure; "" for none."""
    known = distribution(check.quantity)
    values = sorted(value for figures in known.values() for value in figures if value > 0)
    if not values or check.value is None:
        return ""
    own, least, most = check.value, values[0], values[-1]

    def draw(axes: Any) -> None:
        axes.hist(values, bins=np.geomspace(least, 1.01 * most, 24), color=_SOURCE)
        axes.axvline(check.limit, color=_LIMIT, linewidth=1.2, label="limit")
        axes.axvline(max(own, least / 2), color=_ARTIFACT, label="this artifact")
        axes.set_xscale("log")
        axes.set_xlabel(check.quantity)
        axes.set_ylabel("correct outputs")
        axes.legend(fontsize=8)

    return _svg(draw, _SMALL, f"Distribution behind the limit of {check.quantity}")


def along(layers: Iterable[tuple[str, float | None]], limit: float) -> str:
    """The difference of every operator's value along the model, in multiples of its own noise."""
    known = [(name, ratio) for name, ratio in layers if ratio is not None]

    def draw(axes: Any) -> None:
        axes.plot([max(ratio, 1e-3) for _, ratio in known], "o-", color=_ARTIFACT, markersize=3, linewidth=0.8)
        axes.axhline(limit, color=_LIMIT, linewidth=1.2)
        axes.set_yscale("log")
        step = max(1, len(known) // 24)
        places, names = range(0, len(known), step), [name for name, _ in known][::step]
        axes.set_xticks(places, names, rotation=60, ha="right", fontsize=7)
        axes.set_ylabel("difference / noise")

    return _svg(draw, (_WIDE, 3.2), "Difference along the model") if known else ""


def _nearest(output: TensorParity) -> Check | None:
    known = [check for check in output.checks if check.value is not None and check.limit > 0]
    return max(known, key=lambda check: (check.value or 0.0) / check.limit, default=None)


def _svg(draw: Callable[[Any], None], size: tuple[float, float], title: str) -> str:
    """The plot as an element that fits the width it is given; `title` is what a screen reader says."""
    library: Any = mpl  # matplotlib is typed in part
    with library.rc_context(_STYLE):
        figure: Any = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    for colour, variable in _COLOURS.items():
        text = text.replace(colour, variable)
    opening = rf'<svg viewBox="\1" role="img" aria-label="{_plain(title)}">'
    text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', opening, text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    kind = "plot wide-plot" if size[0] == _WIDE else "plot"
    return f'<figure class="{kind}">{text}</figure>\n'


def _plain(text: str) -> str:
    return re.sub(r'[<>&"\x00-\x1f\ud800-\udfff]', " ", text)


def _called(row: ParityRow, *, with_target: bool) -> str:
    """An artifact in a plot that may show several targets."""
    name = f"{row.format} {row.precision}"
    return f"{name} on {row.target}" if with_target else name
