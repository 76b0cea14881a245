"""The options that commands share, and how their texts become values."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..converters.errors import UsageError
from .invocation import QUIET, Invocation

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_MEMORY = re.compile(r"^(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kMGT]?)(?:i?B)?$")
_UNITS = {"": 1, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def verbosity_options(function: Decorated) -> Decorated:
    """-q and -v, which every command has; they are kept in the run's Invocation."""
    verbose = click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=_set_verbosity,
        help="Say more: where the time went; twice: tracebacks of our own bugs.",
    )
    quiet = click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_set_quiet,
        help="No progress on stderr, only errors.",
    )
    return quiet(verbose(function))


def json_option(function: Decorated) -> Decorated:
    """--json: the result as JSON on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Write the result as JSON to stdout.")(function)


def limit_options(function: Decorated) -> Decorated:
    """--jobs, --timeout and --memory: what the workers may use."""
    jobs = click.option(
        "--jobs", type=click.IntRange(min=1), metavar="N", help="Workers at a time. [default: one per processor]"
    )
    return jobs(bound_options(function))


def bound_options(function: Decorated) -> Decorated:
    """--timeout and --memory: what one worker may use."""
    bound = "[default: 8G, or 24 times a larger file; without a file no limit]"
    memory = click.option("--memory", metavar="SIZE", help=f"Memory one worker may use, such as 4G. {bound}")
    timeout = click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=1800.0,
        metavar="SECONDS",
        help="Time one job may take. [default: 1800]",
    )
    return timeout(memory(function))


def hops_option(function: Decorated) -> Decorated:
    """--hops: every artifact's error split by the steps that made it."""
    text = "Split every artifact's error by the steps that made it; of one that fails it is split anyway."
    return click.option("--hops", is_flag=True, help=text)(function)


def report_option(function: Decorated) -> Decorated:
    """--report: the report in other forms."""
    option = click.option(
        "--report",
        multiple=True,
        metavar="KIND=FILE,...",
        help="Write the report as well: json=F, junit=F, html=F, md=F.",
    )
    return option(function)


def publishing_options(function: Decorated) -> Decorated:
    """--report, --baseline, --update-baseline, --github and --json: what becomes of a run."""
    baseline = click.option(
        "--baseline",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="An earlier parity.json: fail where this run is worse, beyond noise.",
    )
    update = click.option(
        "--update-baseline",
        is_flag=False,
        flag_value="tighten",
        type=click.Choice(["tighten", "replace"]),
        help="Write the baseline too, if the run passes: tighten takes what is better, replace all. "
        "[default if given: tighten]",
    )
    github = click.option(
        "--github", is_flag=True, help="Annotations for GitHub Actions, and the report in the job's summary."
    )
    return report_option(baseline(update(github(json_option(function)))))


def parse_names(texts: Iterable[str], *, option: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Comma-separated names of a repeatable option in order, each once; "all" is every known name.

    Raises UsageError for an unknown name, with the nearest known one.
    """
    chosen: dict[str, None] = {}
    for name in (part.strip().lower() for text in texts for part in text.split(",")):
        if name == "all":
            chosen.update(dict.fromkeys(known))
        elif name in known:
            chosen[name] = None
        else:
            near = difflib.get_close_matches(name, known, n=1)
            choices = ", ".join(known)
            raise UsageError(
                f"{option} does not know {name!r}",
                fix=f"did you mean {near[0]}? The choices are {choices}" if near else f"choose from {choices}",
            )
    return tuple(chosen)


def parse_assignments(texts: Iterable[str], *, option: str) -> dict[str, str]:
    """Texts such as "k=v" as a dictionary; raises UsageError for a text without "=" or a key given twice."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(f"{option} {text!r} is not understood", fix=f"write {option} NAME=VALUE")
        if key in found:
            raise UsageError(f"{option} gives {key!r} twice: {found[key]!r} and {value!r}", fix="give it once")
        found[key] = value
    return found


def parse_memory(text: str | None) -> int | None:
    """Bytes from "4G" or "800M" (powers of 1024); None for no limit. Raises UsageError."""
    if text is None:
        return None
    match = _MEMORY.match(text.strip())
    if match is None:
        raise UsageError(f"--memory {text!r} is not a size", fix="write a number and k, M or G, such as --memory 4G")
    size = int(float(match["number"]) * _UNITS[match["unit"]])
    if size < 1 << 20:
        raise UsageError(f"--memory {text} is {size} bytes, too little for any worker", fix="give at least 1G")
    return size


def _set_verbosity(context: click.Context, _parameter: click.Parameter, count: int) -> None:
    if count:
        context.ensure_object(Invocation).verbosity = count


def _set_quiet(context: click.Context, _parameter: click.Parameter, quiet: bool) -> None:
    if quiet:
        context.ensure_object(Invocation).verbosity = QUIET
