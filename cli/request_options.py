"""What `convert` was asked on the command line, and the request it becomes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..converters.dynamic import parse_dynamic
from ..converters.errors import UsageError
from ..converters.job import ConvertOptions, Layout
from ..converters.precision import ALIASES, Precision
from ..converters.quantization.budget import parse_budget
from ..converters.registry import formats
from ..converters.worker.pool import Limits
from ..validators.request import Request
from ..validators.sequence import parse_state
from ..validators.targets.known import check_target
from .options import parse_memory, parse_names
from .source_options import SourceArguments, source_from


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertArguments(SourceArguments):
    """The texts of the command line, as click hands them over."""

    source: str
    to: tuple[str, ...]
    precision: tuple[str, ...]
    output: Path | None
    dynamic: tuple[str, ...]
    samples: str | None
    calibration: str | None
    preprocess: str | None
    state: tuple[str, ...]
    recipe: str | None
    max_drop: str | None
    on: tuple[str, ...]
    verify: bool
    hops: bool
    backend: str | None
    allow_flex: bool
    input_layout: str | None
    output_layout: str | None
    seed: int
    jobs: int | None
    timeout: float
    memory: str | None
    overwrite: bool


def request_of(given: ConvertArguments) -> Request:
    """The request; raises UsageError for whatever is not understood, before anything is started."""
    formats_wanted = parse_names(given.to, option="--to", known=tuple(formats()))
    precisions = parse_precisions(given.precision)
    targets = parse_targets(given.on)
    dynamic = parse_dynamic(given.dynamic)
    limits = limits_of(given.jobs, given.timeout, given.memory)
    if not given.verify and given.samples:
        raise UsageError("--samples says what to judge on, and --no-verify not to judge", fix="leave one of them out")
    if given.max_drop is not None:
        parse_budget(given.max_drop)
    source = source_from(given.source, given)
    return Request(
        source=source,
        formats=formats_wanted,
        output=given.output or Path(f"{source.name}.edgeproof"),
        precisions=precisions,
        backend=given.backend,
        dynamic=dynamic,
        samples=given.samples,
        calibration=given.calibration,
        preprocess=given.preprocess,
        state=parse_state(given.state),
        recipe=given.recipe,
        budget=given.max_drop,
        targets=targets,
        options=ConvertOptions(
            allow_flex=given.allow_flex,
            input_layout=Layout(given.input_layout) if given.input_layout else None,
            output_layout=Layout(given.output_layout) if given.output_layout else None,
        ),
        verify=given.verify,
        hops=given.hops,
        overwrite=given.overwrite,
        seed=given.seed,
        limits=limits,
    )


def parse_precisions(texts: tuple[str, ...]) -> tuple[Precision, ...]:
    """Precisions by their own names or by those that other tools have for them; raises UsageError."""
    own = tuple(str(item) for item in Precision)
    named = (",".join(str(ALIASES.get(part.strip().lower(), part)) for part in text.split(",")) for text in texts)
    return tuple(Precision(name) for name in parse_names(named, option="--precision", known=own))


def parse_targets(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Targets by name, each once, in the order given; raises UsageError for a family that there is not."""
    names = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    if not names:
        raise UsageError("--on names no target", fix="leave it out for the host, or see `edgeproof targets`")
    return tuple(dict.fromkeys(check_target(name) for name in names))


def limits_of(jobs: int | None, timeout: float, memory: str | None) -> Limits:
    """The limits of a run; by default as many jobs as there are processors to use."""
    return Limits(jobs=jobs or len(os.sched_getaffinity(0)), timeout=timeout, memory=parse_memory(memory))
