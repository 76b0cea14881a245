"""A group of commands that imports the one that is invoked, and none to list them."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import Any, NamedTuple

import click

_CLOSED_PIPE = 141  # what a shell reports for a program that SIGPIPE ended


class CommandRow(NamedTuple):
    """One command: its name, the module that holds it under `command`, and its line in the list of commands."""

    name: str
    module: str
    summary: str


class LazyGroup(click.Group):
    """Takes its commands from rows."""

    def __init__(self, *, rows: tuple[CommandRow, ...], **settings: Any) -> None:
        super().__init__(**settings)
        self._rows = {row.name: row for row in rows}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the order of the table."""
        del ctx
        return list(self._rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None if there is none of that name."""
        del ctx
        row = self._rows.get(cmd_name)
        if row is None:
            return None
        found = importlib.import_module(row.module).command
        if not isinstance(found, click.Command):
            raise TypeError(f"{row.module}.command is {found!r}, not a command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table alone."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(row.name, row.summary) for row in self._rows.values()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the arguments; one that does not exist gets the nearest name."""
        name = args[0]
        if name in self._rows or name.startswith("-"):
            return super().resolve_command(ctx, args)
        near = difflib.get_close_matches(name, self._rows, n=1)
        hint = f"did you mean `{ctx.command_path} {near[0]}`?" if near else f"the commands are {', '.join(self._rows)}"
        raise UnknownCommand(f"there is no command {name!r}", hint)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader that went away (`| head`) ends it quietly."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # What is still buffered has no reader either: let the interpreter flush it into nothing on exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _CLOSED_PIPE
        return result


class UnknownCommand(click.UsageError):
    """A command that does not exist, with what may have been meant."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint
