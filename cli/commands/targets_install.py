"""`edgeproof targets install`: prepare a target, as an ordinary user."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from ...converters.errors import UsageError
from ...validators.reports.wording import size
from ...validators.targets import micro
from ...validators.targets.installation.installing import Wanted, install
from ...validators.targets.installation.store import Part
from ...validators.targets.prepared import PREPARED, store_of
from ..options import parse_names, verbosity_options

_EXAMPLES = """\b
Examples:
  edgeproof targets install arm64
  edgeproof targets install arm64 --formats executorch,litert
  edgeproof targets install ethos-u
  edgeproof targets install arm64 --root /srv/arm64-root --qemu /opt/qemu-aarch64"""


@click.command(name="install", epilog=_EXAMPLES)
@click.argument("name", metavar="TARGET", type=click.Choice((*PREPARED, micro.NAME)))
@click.option("--formats", multiple=True, metavar="F,...", help="Runtimes of these formats only. [default: all]")
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A root of that architecture, with Python, instead of the archive's packages.",
)
@click.option(
    "--qemu",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A static qemu-aarch64 of user mode, instead of the archive's.",
)
@verbosity_options
def command(name: str, formats: tuple[str, ...], root: Path | None, qemu: Path | None, **_given: Any) -> int:
    """Prepare a target, as an ordinary user: emulator, a small root, and runtimes; for ethos-u Arm's compiler.

    Packages come from where this machine's apt and pip take theirs. What is there already stays.
    """
    started = time.monotonic()
    if name == micro.NAME:
        _refuse(name, {"--formats": formats, "--root": root, "--qemu": qemu})
        _tell(micro.PACKAGES, micro.install())
        click.echo(f"{name} is ready: convert with --backend ethos-u55-128, cortex-m55, ... (docs/micro.md)")
        return 0
    prepared = store_of(name)
    if not prepared.emulates:
        _refuse(name, {"--qemu": qemu})
    if prepared.native and not formats:
        _refuse(name, {"--root": root})
        click.echo(f"{name} is this machine itself: nothing to install; for boards that ssh reaches name --formats")
        return 0
    wanted = Wanted(
        formats=parse_names(formats, option="--formats", known=prepared.formats) if formats else prepared.formats,
        emulator=prepared.emulates,
        root=root,
        qemu=qemu,
    )
    sizes: list[int] = []

    def tell(part_name: str, part: Part) -> None:
        sizes.append(part.bytes)
        _tell(part_name, part)

    lock = install(prepared.store, wanted, on_part=tell)
    click.echo(f"{name} is ready: {size(sum(sizes))} in {time.monotonic() - started:.0f} s")
    click.echo(f"versions and SHA-256 of everything: {lock}")
    return 0


def _refuse(name: str, options: dict[str, object]) -> None:
    """Raise UsageError for options that mean nothing for a target."""
    given = [option for option, value in options.items() if value]
    if given:
        raise UsageError(f"{', '.join(given)} means nothing for {name}", fix=f"edgeproof targets install {name}")


def _tell(name: str, part: Part) -> None:
    click.echo(f"  {name:12} {size(part.bytes):>10}  {_versions(part)}")


def _versions(part: Part) -> str:
    """What a part was made of, as far as it fits on a line."""
    texts = [f"{each.name} {each.version}" for each in part.built.fetched] or [*part.built.facts.values()]
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")
