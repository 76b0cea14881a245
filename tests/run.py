"""Runs the checks and the tests the way `make check`, `make test` and CI do, and says what failed."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parent
sys.path.insert(0, str(TESTS / "support"))

# A script finds its neighbours only after the line above.
from published_files import FETCH, PACKAGES  # noqa: E402

from stacks import CORE, STACKS, stack_of  # noqa: E402

NO_TESTS = 5  # pytest's exit code


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command and what it is called."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a step ended; `output` is empty where the step printed for itself."""

    name: str
    failed: bool
    seconds: float
    output: str = ""


@dataclass(slots=True, kw_only=True)
class Counts:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, report: Path) -> None:
        """Add what a JUnit file says."""
        if not report.exists():
            return
        for suite in ET.parse(report).getroot().iter("testsuite"):
            total, bad, skipped = (
                int(suite.get("tests", 0)),
                int(suite.get("failures", 0)) + int(suite.get("errors", 0)),
                int(suite.get("skipped", 0)),
            )
            self.passed += total - bad - skipped
            self.failed += bad
            self.skipped += skipped

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def tool(name: str, module: str, *arguments: str) -> Step:
    """A step that runs an installed tool with this Python."""
    return Step(name=name, command=(sys.executable, "-P", "-m", module, *arguments))


CHECKS = (
    tool("ruff check", "ruff", "check", "--quiet", "--output-format", "concise"),
    tool("ruff format", "ruff", "format", "--check", "--quiet"),
    tool("mypy", "mypy", "--no-error-summary"),
    tool("pyright", "pyright", "--warnings"),
    Step(
        name="import-linter",
        command=(sys.executable, "-P", "-c", "from importlinter.cli import lint_imports_command as run; run()"),
    ),
)


def check(step: Step) -> Outcome:
    """Run a step and keep what it prints."""
    start = time.monotonic()
    done = subprocess.run(step.command, cwd=REPOSITORY, env=_environment(), capture_output=True, text=True, check=False)
    outcome = Outcome(
        name=step.name,
        failed=done.returncode != 0,
        seconds=time.monotonic() - start,
        output=(done.stdout + done.stderr).strip(),
    )
    print(f"  {'FAILED' if outcome.failed else 'ok':<6}  {step.name} ({outcome.seconds:.1f} s)", flush=True)
    return outcome


def _environment() -> dict[str, str]:
    # import-linter reads modules by name, and the links give them theirs; Node's pyright need not look for news.
    return {**os.environ, "PYTHONPATH": str(REPOSITORY / ".links"), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}


def run_checks() -> list[Outcome]:
    """All static checks, two at a time."""
    print("checks", flush=True)
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(check, CHECKS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Test folders that run in one process, because their files need the same stack."""

    folders: tuple[str, ...]
    stack: str
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How it is called in the output."""
        return f"{', '.join(self.folders)} [{self.stack}]"

    @property
    def empty(self) -> bool:
        """Whether no file of the folders needs this stack."""
        files = (file for folder in self.folders for file in (TESTS / folder).rglob("test_*.py"))
        return all(stack_of(file) != self.stack for file in files)


QUICK = (Group(folders=("unit",), stack=CORE, options=("-n", "2", "-m", "not slow")),)
# Two processes where no framework takes part; conversions need the memory and both cores for themselves.
EVERYTHING = (
    Group(folders=("unit",), stack=CORE, options=("-n", "2")),
    *(Group(folders=("unit", "contract", "e2e", "packaging"), stack=stack) for stack in STACKS if stack != CORE),
    Group(folders=("contract", "e2e", "packaging"), stack=CORE),
)


PUBLISHED = Step(name="published models", command=(sys.executable, "-P", str(FETCH), *PACKAGES))


def fetch_published() -> None:
    """Have the published models that tests open; without a registry those tests are skipped, which the end counts."""
    print("\npublished models", flush=True)
    outcome = check(PUBLISHED)
    if outcome.failed:
        print(f"{outcome.output}\nNOT FETCHED: the tests that open them will be skipped", flush=True)


def run_tests(groups: Sequence[Group], arguments: Sequence[str], counts: Counts) -> Iterator[Outcome]:
    """Run the groups one after another; pytest prints for itself."""
    with TemporaryDirectory() as reports:
        for number, group in enumerate(groups):
            if group.empty:
                continue
            report = Path(reports, f"{number}.xml")
            yield _pytest(group, report, arguments)
            counts.add(report)


def _pytest(group: Group, report: Path, arguments: Sequence[str]) -> Outcome:
    print(f"\ntests: {group.name}", flush=True)
    start = time.monotonic()
    command = [sys.executable, "-P", "-m", "pytest", "-q", "--stack", group.stack, "--junitxml", str(report)]
    folders = [f"tests/{folder}" for folder in group.folders if (TESTS / folder).is_dir()]
    code = subprocess.run([*command, *group.options, *arguments, *folders], cwd=REPOSITORY, check=False).returncode
    # A selection on the command line (-k, -m) may leave a group without tests; nothing else may.
    failed = code != 0 and not (code == NO_TESTS and arguments)
    return Outcome(name=f"tests: {group.name}", failed=failed, seconds=time.monotonic() - start)


def report(outcomes: Sequence[Outcome], counts: Counts) -> int:
    """Print what failed, with what it printed, and the closing line; returns the exit code."""
    failed = [outcome for outcome in outcomes if outcome.failed]
    for outcome in failed:
        print(f"\n--- {outcome.name}\n{outcome.output or 'see above'}")
    slowest = ", ".join(f"{outcome.name} {outcome.seconds:.0f} s" for outcome in outcomes if outcome.seconds >= 1)
    print(f"\n{sum(outcome.seconds for outcome in outcomes):.0f} s of work: {slowest}")
    if failed:
        print(f"FAILED: {'; '.join(outcome.name for outcome in failed)}")
    elif counts.passed == 0:
        print("FAILED: no test ran")
    print(counts)
    return 1 if failed or counts.passed == 0 else 0


def main() -> int:
    """The command line: `quick` or `everything`, then what pytest is to be given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("quick", "everything"))
    options, arguments = parser.parse_known_args()
    counts = Counts()
    outcomes = run_checks()
    if options.what == "everything":
        fetch_published()
    outcomes += run_tests(QUICK if options.what == "quick" else EVERYTHING, arguments, counts)
    return report(outcomes, counts)


if __name__ == "__main__":
    sys.exit(main())
