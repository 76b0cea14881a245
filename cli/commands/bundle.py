"""`edgeproof bundle`: one file for an app team, which answers what they would have to guess, and checks itself."""

from __future__ import annotations

from typing import Any

import click

from ..lazy_group import CommandRow, LazyGroup

_HERE = __name__.rpartition(".")[0]
_MAKE = "make"
_HELP = ("-h", "--help")
_EXAMPLES = """\b
Examples:
  edgeproof bundle out -o digits.zip
  edgeproof bundle out -o digits.zip --platform android,ios --labels labels.txt --license Apache-2.0 --sign key.pem
  edgeproof bundle verify digits.zip --on host,arm64:cortex-a76 --key key.pub
  edgeproof bundle diff digits-1.zip digits-2.zip
  edgeproof bundle make --help"""


class _MakesByDefault(LazyGroup):
    """What is no command is the folder of `make`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `bundle DIR ...` for `bundle make DIR ...`."""
        if args and args[0] not in (*self.list_commands(ctx), *_HELP):
            args = [_MAKE, *args]
        return super().parse_args(ctx, args)


_SETTINGS: dict[str, Any] = {"context_settings": {"help_option_names": list(_HELP)}}

command = _MakesByDefault(
    name="bundle",
    rows=(
        CommandRow(_MAKE, f"{_HERE}.bundle_make", "Make a bundle: `edgeproof bundle DIR -o NAME.zip` is short for it."),
        CommandRow("verify", f"{_HERE}.bundle_verify", "Check a bundle and run everything in it, on any machine."),
        CommandRow("diff", f"{_HERE}.bundle_diff", "Show what changed between two bundles; 1 if it breaks an app."),
    ),
    help="Hand artifacts over to an app team in one file. It answers what they would have to guess, and checks itself.",
    epilog=_EXAMPLES,
    **_SETTINGS,
)
