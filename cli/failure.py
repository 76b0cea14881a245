"""Says on stderr what went wrong: `error:`, `fix:`, `log:`, and which exit code it is."""

from __future__ import annotations

import os
import sys

import click

from .wording import printable_lines

INTERRUPTED = 130
TERMINATED = 143
OUR_BUG = 6


class Terminated(BaseException):
    """SIGTERM arrived; raised in the main thread so that workers are ended on the way out."""


def say(label: str, text: str) -> None:
    """One labelled message on stderr, the label in red or bold on a terminal that wants colour."""
    shown = click.style(f"{label}:", fg="red" if label == "error" else None, bold=True) if _colour() else f"{label}:"
    click.echo(f"{shown} {printable_lines(text)}", err=True)


def report_failure(error: BaseException, *, show_traceback: bool) -> int:
    """Say what ended the program, and return its exit code."""
    from ..converters.errors import EdgeproofError

    if isinstance(error, EdgeproofError):
        say("error", error.message)
        say("fix", error.fix)
        if error.log:
            say("log", error.log)
        return error.exit_code
    if isinstance(error, click.ClickException):
        return _report_usage(error)
    if isinstance(error, Terminated):
        say("error", "terminated")
        return TERMINATED
    if isinstance(error, click.Abort | KeyboardInterrupt | EOFError):
        say("error", "interrupted; nothing was written")
        return INTERRUPTED
    return _report_bug(error, show_traceback=show_traceback)


def _report_usage(error: click.ClickException) -> int:
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "edgeproof"
    hint = getattr(error, "hint", None)
    possibilities = getattr(error, "possibilities", None)
    if possibilities:
        message, hint = error.message, f"did you mean {' or '.join(possibilities)}?"
    else:
        message = error.format_message()
    say("error", message[:1].lower() + message[1:].rstrip("."))
    say("fix", hint or f"see `{path} --help`")
    return 2


def _report_bug(error: BaseException, *, show_traceback: bool) -> int:
    import traceback

    text = "".join(traceback.format_exception(error))
    say("error", f"a bug of ours: {type(error).__name__}: {error}")
    say("fix", "report it with the log; -vv shows the traceback here")
    place = _stored(text)
    if place:
        say("log", place)
    if show_traceback or not place:
        click.echo(text, err=True)
    return OUR_BUG


def _stored(text: str) -> str | None:
    """Where the traceback was written, or None if nothing can be written."""
    import tempfile

    try:
        descriptor, name = tempfile.mkstemp(prefix="edgeproof-bug-", suffix=".log")
    except OSError:
        return None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    return name


def _colour() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
