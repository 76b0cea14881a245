"""`edgeproof bench`: how fast artifacts are here, and whether smaller numbers pay."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ...converters.errors import UsageError
from ...converters.worker.pool import Limits
from ...validators.latency.bench import BenchRequest, available_processors, bench
from ...validators.latency.report import DOCUMENT, exit_code
from ..invocation import verbosity_of
from ..latency_text import write_latency
from ..options import bound_options, json_option, parse_memory, verbosity_options
from ..progress import shown_progress

_EXAMPLES = """\b
Examples:
  edgeproof bench classifier.edgeproof
  one artifact beside the fp32 of its format, on one thread:
    edgeproof bench out/net.litert.int8.tflite --threads 1
  for a script:
    edgeproof bench out --runs 5 --json"""


@click.command(name="bench", epilog=_EXAMPLES)
@click.argument("place", metavar="DIR|ARTIFACT", type=click.Path(path_type=Path))
@click.option(
    "--threads", metavar="N,...", default="1,all", help="Numbers of threads to measure with. [default: 1 and all]"
)
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=3,
    metavar="N",
    help="Rounds, each with a new process for every artifact. [default: 3]",
)
@bound_options
@json_option
@verbosity_options
@click.pass_context
def command(  # noqa: PLR0913 (the command's options)
    context: click.Context,
    /,
    place: Path,
    *,
    threads: str,
    runs: int,
    timeout: float,
    memory: str | None,
    as_json: bool,
) -> int:
    """Measure how fast artifacts are on this machine, int8 and float16 beside float.

    DIR is a folder that `edgeproof convert` wrote, ARTIFACT one file in it. They run on the stored samples, in turns,
    each time in a new process. Below the table stands what is best, and why what is not faster or smaller is not.
    Nothing in the folder is changed.
    """
    request = BenchRequest(
        place=place,
        threads=parse_threads(threads, available=available_processors()),
        rounds=runs,
        limits=Limits(jobs=1, timeout=timeout, memory=parse_memory(memory)),
    )
    with shown_progress(verbosity_of(context)) as listener:
        report = bench(request, on_progress=listener)
    if as_json:
        sys.stdout.write(DOCUMENT.encode(report).decode())
    else:
        write_latency(report)
    return exit_code(report)


def parse_threads(text: str, *, available: int) -> tuple[int, ...]:
    """Numbers of threads, ascending, each once; "all" is one for each processor. Raises UsageError."""
    counts: set[int] = set()
    for part in text.lower().split(","):
        word = part.strip()
        count = available if word == "all" else int(word) if word.isascii() and word.isdigit() else 0
        if count < 1:
            raise UsageError(
                f"--threads {text!r} is not understood", fix='write numbers or "all", such as --threads 1,all'
            )
        if count > available:
            raise UsageError(
                f"--threads {count} is more than the {available} processors that may be used here",
                fix="write --threads all for one thread each",
            )
        counts.add(count)
    return tuple(sorted(counts))
