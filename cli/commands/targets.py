"""`edgeproof targets`: what can run artifacts here, and how to prepare more."""

from __future__ import annotations

import click

from ..lazy_group import CommandRow, LazyGroup

_HERE = __name__.rpartition(".")[0]
_EXAMPLES = """\b
Examples:
  edgeproof targets
  edgeproof targets install arm64
  edgeproof verify out --on host,arm64:cortex-a53,arm64:cortex-a76
  edgeproof targets remove arm64"""

command = LazyGroup(
    name="targets",
    rows=(
        CommandRow("list", f"{_HERE}.targets_list", "List what can run artifacts, and whether it is ready."),
        CommandRow("install", f"{_HERE}.targets_install", "Prepare a target, as an ordinary user."),
        CommandRow("remove", f"{_HERE}.targets_remove", "Remove what was prepared."),
    ),
    help="List and prepare what can run artifacts: this machine, Arm. Without a command: list it.",
    epilog=_EXAMPLES,
    invoke_without_command=True,
    params=[click.Option(["--json", "as_json"], is_flag=True, help="List them as JSON.")],
    context_settings={"help_option_names": ["-h", "--help"]},
)


@click.pass_context
def _list_by_default(context: click.Context, /, *, as_json: bool) -> int | None:
    found = command.get_command(context, "list")
    if context.invoked_subcommand is not None or found is None:
        return None
    listed: int = context.invoke(found, as_json=as_json)
    return listed


command.callback = _list_by_default
