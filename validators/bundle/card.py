"""What a model card says: sections of sentences, lists and tables, which card_text.py writes down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..parity import Status
from ..reports.wording import NO_FIGURE, figure, size
from .manifest import BundledArtifact, BundledTensor, BundleManifest, Loading, TargetParity


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells below a header; the columns from `numbers` on hold numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int = 99


Block = str | tuple[str, ...] | Table  # a sentence, a list, a table


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


def headline_of(manifest: BundleManifest) -> str:
    """The whole bundle in one sentence."""
    passed = sum(row.status is Status.PASS for each in manifest.artifacts for row in each.parity)
    total = sum(len(each.parity) for each in manifest.artifacts)
    return f"{len(manifest.artifacts)} artifacts for {', '.join(manifest.platforms)}; {passed} of {total} verdicts PASS"


def sections_of(manifest: BundleManifest) -> tuple[Section, ...]:
    """The card, from what the model is to what is known to be wrong with it."""
    return (
        Section(title="What it is", blocks=tuple(_identity(manifest))),
        Section(title="Artifacts", blocks=(_artifacts(manifest), *_exceptions(manifest))),
        Section(title="Inputs and outputs", blocks=tuple(_tensors(manifest))),
        Section(title="How good it is", blocks=(_verdicts(manifest),)),
        Section(title="How to use it", blocks=tuple(_usage(manifest))),
        Section(title="What it needs", blocks=(_needs(manifest),)),
        Section(title="Known limits", blocks=tuple(_limits(manifest))),
        Section(title="How it was made", blocks=tuple(_origin(manifest))),
    )


def _identity(manifest: BundleManifest) -> Iterator[Block]:
    source = manifest.source
    yield (
        f"Name and version: {manifest.name} {manifest.version}",
        f"Licence: {manifest.license or 'not stated by who made the bundle'}",
        f"Source: {source.file or source.factory or source.name}, {source.framework}, {source.parameters:,} parameters",
        f"Labels: {manifest.labels.count} in {manifest.labels.file}" if manifest.labels else "Labels: none",
    )


def _artifacts(manifest: BundleManifest) -> Table:
    rows = tuple(
        (each.file, each.format, each.backend, str(each.precision), ", ".join(each.platforms), size(each.bytes))
        for each in manifest.artifacts
    )
    return Table(header=("file", "format", "backend", "precision", "platforms", "size"), rows=rows, numbers=5)


def _exceptions(manifest: BundleManifest) -> Iterator[Block]:
    for each in manifest.artifacts:
        if each.allowed:
            yield f"{each.file} has no PASS and is here because who made the bundle allowed it."


def _tensors(manifest: BundleManifest) -> Iterator[Block]:
    """A row for each tensor, and not for each artifact that has the same one."""
    found: dict[tuple[str, ...], list[str]] = {}
    for each in manifest.artifacts:
        for kind, tensors in (("in", each.inputs), ("out", each.outputs)):
            for tensor in tensors:
                found.setdefault((f"{kind} {tensor.name}", *_tensor_cells(tensor)), []).append(each.file)
    everywhere = len(manifest.artifacts)
    rows = ((*cells, "all" if len(files) == everywhere else ", ".join(files)) for cells, files in found.items())
    yield Table(header=("tensor", "dtype", "shape", "layout", "values", "integers", "artifacts"), rows=tuple(rows))
    dims = {dim.name: dim for each in manifest.artifacts for dim in each.dims}
    if dims:
        yield tuple(f"{dim.name} may be {dim.min} to {dim.max}" for dim in dims.values())


def _tensor_cells(tensor: BundledTensor) -> tuple[str, ...]:
    values = f"{tensor.range[0]:.4g} to {tensor.range[1]:.4g}" if tensor.range else NO_FIGURE
    layout = " ".join(part for part in (tensor.layout, tensor.colours) if part) or NO_FIGURE
    integers = f"{tensor.quantize}; {tensor.dequantize}" if tensor.quantize else NO_FIGURE
    return tensor.dtype, str(list(tensor.shape)), layout, values, integers


def _verdicts(manifest: BundleManifest) -> Table:
    rows = tuple((each.file, *_verdict_cells(row)) for each in manifest.artifacts for row in each.parity)
    header = ("artifact", "target", "verdict", "measure", "value", "limit", "ms per call")
    return Table(header=header, rows=rows, numbers=4)


def _verdict_cells(row: TargetParity) -> tuple[str, ...]:
    """The figure that came nearest to its limit."""
    measured = [each for each in row.checks if each.check.value is not None and each.check.limit]
    worst = max(measured, key=lambda each: (each.check.value or 0.0) / each.check.limit, default=None)
    target = f"{row.target} (emulated)" if row.emulated else row.target
    milliseconds = figure(row.ms_per_call)
    if worst is None:
        return target, str(row.status), row.reason or NO_FIGURE, NO_FIGURE, NO_FIGURE, milliseconds
    check = worst.check
    return (
        target,
        str(row.status),
        f"{worst.output}: {check.quantity}",
        figure(check.value),
        figure(check.limit),
        milliseconds,
    )


def _usage(manifest: BundleManifest) -> Iterator[Block]:
    yield "Check this bundle before you use it, on any machine, without the source's framework:"
    yield ("edgeproof bundle verify NAME.zip", "or without edgeproof: sha256sum -c SHA256SUMS")
    if manifest.preprocessing:
        by = "the samples of this bundle were made by it" if manifest.preprocessing.proven else _STATED
        yield f"{manifest.preprocessing.file} says how an input becomes tensors; {by}."
    else:
        yield "How inputs become tensors was not stated: the golden inputs in golden/inputs show what the model takes."
    yield "Complete programs with a self-test, which replays the golden samples:"
    yield tuple(name for each in manifest.artifacts for name in each.examples)


_STATED = "it was stated by who made the bundle, whose samples came as arrays, so that it is not proven here"


def _needs(manifest: BundleManifest) -> Table:
    return Table(
        header=("artifact", "runtime", "at least", "known by", "ran in", "operators", "activations"),
        rows=tuple((each.file, *_needs_cells(each)) for each in manifest.artifacts),
        numbers=6,
    )


def _needs_cells(artifact: BundledArtifact) -> tuple[str, ...]:
    needs = artifact.needs
    operators = ", ".join(dict.fromkeys(each.name for each in needs.operators)) or NO_FIGURE
    backends = f" with {', '.join(needs.backends)}" if needs.backends else ""
    proven = ", ".join(needs.proven) or NO_FIGURE
    return needs.runtime + backends, needs.least, needs.least_by, proven, operators, size(needs.arena_bytes)


def _limits(manifest: BundleManifest) -> Iterator[Block]:
    found: list[str] = []
    for each in manifest.artifacts:
        found += [f"{each.file}: {note}" for note in each.notes]
        if each.loading is Loading.PROGRAM:
            found.append(f"{each.file} is a program for libtorch's interpreter: load it only if you trust its maker")
        missed = [row.target for row in each.parity if row.status is not Status.PASS]
        if missed:
            found.append(f"{each.file} has no PASS on {', '.join(missed)}")
    if not manifest.real_samples:
        found.append("It was judged on generated inputs alone: no real samples were given.")
    yield tuple(found) or "None that the conversion found."
    yield "Verdicts say that artifacts compute what the source computes, and nothing about how right the source is."


def _origin(manifest: BundleManifest) -> Iterator[Block]:
    source = manifest.source
    tools = {**source.made_by, **{name: text for each in manifest.artifacts for name, text in each.made_by.items()}}
    yield (
        f"SHA-256 of the source: {source.sha256}",
        f"SHA-256 of the samples: {manifest.samples_sha256}",
        f"SHA-256 of the calibration: {manifest.calibration_sha256 or 'none'}",
        f"Made by edgeproof {manifest.edgeproof} with "
        + ", ".join(f"{name} {version}" for name, version in sorted(tools.items())),
    )
