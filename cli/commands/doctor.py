"""`edgeproof doctor`: whether everything that is needed is here and fits together."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import click

from ...converters.installation import EXTRAS, Package, Pair, State, installed_version, packages, pairs
from ...validators.reports.wording import size
from ..fields import field_lines
from ..machine import Machine, this_machine
from ..options import json_option, verbosity_options
from ..plain_table import plain_table
from ..wording import printable

_SCHEMA = 1
_MISSING = 4
_INDENT = 12
_MARKS = {State.FINE: "ok", State.MISSING: "missing", State.WRONG: "wrong version", State.UNPROVEN: "not proven"}
_EXAMPLES = """\b
Examples:
  edgeproof doctor
  edgeproof doctor --json

\b
Exit codes: 0 everything is there, 4 something is missing or does not fit."""


@click.command(name="doctor", epilog=_EXAMPLES)
@json_option
@verbosity_options
def command(as_json: bool) -> int:
    """Check the installation and this machine.

    Reads the versions of installed packages without importing them, compares them with what is known to work
    together, starts one worker, and names the command that mends what is missing.
    """
    found, combinations, machine = tuple(packages()), tuple(pairs()), this_machine()
    fixes = tuple(_fixes(found, machine))
    if as_json:
        click.echo(json.dumps(_document(found, combinations, machine, fixes), indent=2))
    else:
        click.echo("\n".join(_lines(found, combinations, machine, fixes)))
    return _MISSING if fixes else 0


def _fixes(found: Iterable[Package], machine: Machine) -> Iterator[str]:
    """The commands that mend what is missing or wrong."""
    found = tuple(found)
    if not found:
        yield "edgeproof itself is not installed: pip install -e . in its folder"
    missing = {package.extra for package in found if package.state is State.MISSING}
    if missing:
        extras = [extra for extra in EXTRAS if extra in missing]
        yield f'pip install "edgeproof[{",".join(extras)}]"' if extras else "pip install edgeproof"
    wrong = [package for package in found if package.state is State.WRONG]
    if wrong:
        yield "pip install " + " ".join(f'"{package.name}{package.wanted}"' for package in wrong)
    if machine.worker_error is not None:
        yield f"a worker must start before anything can be converted: {machine.worker_error}"


def _document(
    found: Iterable[Package], combinations: Iterable[Pair], machine: Machine, fixes: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "schema": _SCHEMA,
        "fine": not fixes,
        "python": platform.python_version(),
        "edgeproof": installed_version("edgeproof"),
        "packages": [asdict(package) for package in found],
        "pairs": [asdict(pair) for pair in combinations],
        "machine": asdict(machine),
        "fixes": list(fixes),
    }


def _lines(
    found: tuple[Package, ...], combinations: tuple[Pair, ...], machine: Machine, fixes: tuple[str, ...]
) -> Iterator[str]:
    yield f"edgeproof {installed_version('edgeproof') or '(not installed)'}, Python {platform.python_version()}"
    yield f"  {sys.executable}"
    yield ""
    table = [
        (package.name, package.found or "-", package.extra or "edgeproof", package.wanted, _MARKS[package.state])
        for package in found
    ]
    yield from plain_table(("package", "found", "for", "wanted", ""), table)
    yield ""
    for pair in combinations:
        versions = " + ".join(f"{name} {text}" for name, text in zip(pair.names, pair.found, strict=True))
        yield from field_lines(_MARKS[pair.state], [f"{versions}: {pair.remark}"], indent=_INDENT)
    yield ""
    yield from _machine_lines(machine)
    yield ""
    yield from (f"fix: {fix}" for fix in fixes)
    if not fixes:
        yield "Everything is there."


def _machine_lines(machine: Machine) -> Iterator[str]:
    processor = machine.processor
    texts = {
        "processor": [
            f"{printable(processor.name)} ({processor.machine}), {machine.processors} to use",
            " ".join(processor.features) or "no features listed",
        ],
        "memory": [_memory_text(machine)],
        "scratch": [f"{printable(machine.scratch)}, {size(machine.scratch_free)} free"],
        "worker": [
            f"answered in {machine.worker_seconds or 0.0:.1f} s"
            if machine.worker_error is None
            else f"failed: {machine.worker_error}"
        ],
        "files": [_containment_text(machine)],
        "remarks": list(machine.remarks),
    }
    for label, values in texts.items():
        yield from field_lines(label, values, indent=_INDENT)


def _containment_text(machine: Machine) -> str:
    found = machine.containment
    if found is None:
        return "unknown, since no worker answered"
    network = "the network, which this system does not allow to take away" if found.network else "no network"
    return (
        f"opened by workers with {network}, no secrets of the environment, {size(found.memory)} of memory "
        f"and files of at most {size(found.file_size)}"
    )


def _memory_text(machine: Machine) -> str:
    if machine.memory is None or machine.memory_available is None:
        return "unknown"
    return f"{size(machine.memory)}, {size(machine.memory_available)} available"
