"""What changed from one artifact to the next of its format, backend and precision, for an app that loads it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial

from ...converters.needs.needs import Operator
from ...converters.signature import Dim
from ..parity import Status
from .changes import Change, Topic
from .manifest import BundledArtifact, BundledTensor, Platform, TargetParity

_NEWS = 0.1  # a tenth more or less is told
_LATENCY_NEWS = 0.2  # machines are noisy
Size = int | str


def changes_of(old: BundledArtifact, new: BundledArtifact) -> Iterator[Change]:
    """All changes, in the order of what an app meets: file, signature, integers, runtime, verdicts, figures."""
    change = partial(Change, artifact=new.file)
    yield from _of_file(old, new, change)
    yield from _of_tensors(old, new, change)
    yield from _of_needs(old, new, change)
    yield from _of_parity(old, new, change)
    yield from _of_figures(old, new, change)


def _of_file(old: BundledArtifact, new: BundledArtifact, change: Callable[..., Change]) -> Iterator[Change]:
    if old.file != new.file:
        yield change(topic=Topic.ARTIFACT, breaking=True, what="has another name", old=old.file, new=new.file)
    if old.loading != new.loading:
        yield change(
            topic=Topic.ARTIFACT,
            breaking=True,
            what="loading it means something else",
            old=old.loading,
            new=new.loading,
        )
    lost, gained = set(old.platforms) - set(new.platforms), set(new.platforms) - set(old.platforms)
    if lost:
        yield change(topic=Topic.ARTIFACT, breaking=True, what=f"is no longer for {', '.join(sorted(lost))}")
    if gained:
        yield change(topic=Topic.ARTIFACT, breaking=False, what=f"is for {', '.join(sorted(gained))} too")


def _of_tensors(old: BundledArtifact, new: BundledArtifact, change: Callable[..., Change]) -> Iterator[Change]:
    followed = {size for tensor in new.inputs for size in tensor.shape if isinstance(size, str)}
    for kind, before, after in (("inputs", old.inputs, new.inputs), ("outputs", old.outputs, new.outputs)):
        names = [[tensor.name for tensor in tensors] for tensors in (before, after)]
        if names[0] != names[1]:
            what = f"its {kind} are other ones, or in another order"
            yield change(topic=Topic.SIGNATURE, breaking=True, what=what, old=str(names[0]), new=str(names[1]))
        later = {tensor.name: tensor for tensor in after}
        for tensor in before:
            if tensor.name in later:
                dims = ({dim.name: dim for dim in old.dims}, {dim.name: dim for dim in new.dims})
                yield from _of_tensor(
                    tensor, later[tensor.name], dims, change, followed=followed if kind == "outputs" else None
                )


def _of_tensor(
    old: BundledTensor,
    new: BundledTensor,
    dims: tuple[Mapping[str, Dim], Mapping[str, Dim]],
    change: Callable[..., Change],
    *,
    followed: Collection[str] | None,
) -> Iterator[Change]:
    for what, before, after in (
        ("dtype", old.dtype, new.dtype),
        ("layout", old.layout, new.layout),
        ("colour order", old.colours, new.colours),
    ):
        if before != after:
            sentence = f"{old.name!r} has another {what}"
            yield change(topic=Topic.SIGNATURE, breaking=True, what=sentence, old=str(before), new=str(after))
    if _sizes(old, dims[0]) != _sizes(new, dims[1]):
        breaking = not _takes_all(_sizes(old, dims[0]), _sizes(new, dims[1])) or bool(_loose(old, new, followed))
        what = f"{old.name!r} has another shape" if breaking else f"{old.name!r} takes more shapes"
        texts = (_shape_text(old, dims[0]), _shape_text(new, dims[1]))
        yield change(topic=Topic.SIGNATURE, breaking=breaking, what=what, old=texts[0], new=texts[1])
    if (old.scale, old.zero_point) != (new.scale, new.zero_point):
        what = f"integers of {old.name!r} stand for other numbers"
        texts = (f"scale {old.scale}, zero point {old.zero_point}", f"scale {new.scale}, zero point {new.zero_point}")
        yield change(topic=Topic.QUANTISATION, breaking=True, what=what, old=texts[0], new=texts[1])


def _loose(old: BundledTensor, new: BundledTensor, followed: Collection[str] | None) -> list[int | str]:
    """Sizes of an output that were fixed and now vary by themselves, with no input's (`followed`; None for inputs)."""
    pairs = zip(old.shape, new.shape, strict=False)
    return [size for was, size in pairs if followed is not None and was != size and size not in followed]


def _sizes(tensor: BundledTensor, dims: Mapping[str, Dim]) -> tuple[tuple[int, int], ...]:
    """The lowest and highest size of every axis."""
    return tuple(
        (size, size) if isinstance(size, int) else (dims[size].min, dims[size].max) if size in dims else (0, 0)
        for size in tensor.shape
    )


def _takes_all(old: tuple[tuple[int, int], ...], new: tuple[tuple[int, int], ...]) -> bool:
    """Whether every shape that went before goes still."""
    pairs = zip(old, new, strict=False)
    return len(old) == len(new) and all(after[0] <= low and high <= after[1] for (low, high), after in pairs)


def _shape_text(tensor: BundledTensor, dims: Mapping[str, Dim]) -> str:
    sizes = (str(low) if low == high else f"{low}..{high}" for low, high in _sizes(tensor, dims))
    return f"[{', '.join(sizes)}]"


def _of_needs(old: BundledArtifact, new: BundledArtifact, change: Callable[..., Change]) -> Iterator[Change]:
    before, after = old.needs, new.needs
    texts = (f"{before.runtime} {before.least}", f"{after.runtime} {after.least}")
    if before.runtime != after.runtime or _version(after.least) > _version(before.least):
        what = "needs a newer runtime"
        yield change(topic=Topic.RUNTIME, breaking=True, what=what, old=texts[0], new=texts[1])
    elif _version(after.least) < _version(before.least) < (math.inf,):
        what = "an older runtime will do"
        yield change(topic=Topic.RUNTIME, breaking=False, what=what, old=texts[0], new=texts[1])
    lacking = sorted(
        {*_operators(after.operators), *after.backends} - {*_operators(before.operators), *before.backends}
    )
    if lacking:
        what = f"needs {', '.join(lacking)}, which a runtime built for the old one lacks"
        yield change(topic=Topic.OPERATORS, breaking=True, what=what)
    spared = sorted({*_operators(before.operators), *before.backends} - {*_operators(after.operators), *after.backends})
    if spared:
        yield change(topic=Topic.OPERATORS, breaking=False, what=f"no longer needs {', '.join(spared)}")
    arena = (before.arena_bytes, after.arena_bytes)
    if arena[0] is not None and arena[1] is not None and arena[0] != arena[1]:
        breaking = arena[1] > arena[0] and Platform.MICRO in new.platforms
        what = "its activations take other memory" + (", and an arena of fixed size may not do" if breaking else "")
        yield change(topic=Topic.SIZE, breaking=breaking, what=what, old=f"{arena[0]} bytes", new=f"{arena[1]} bytes")


def _operators(operators: tuple[Operator, ...]) -> set[str]:
    parts = ((each.domain, each.name, each.version) for each in operators)
    return {
        f"{f'{domain}::' if domain else ''}{name}{f' version {version}' if version is not None else ''}"
        for domain, name, version in parts
    }


def _version(text: str) -> tuple[float, ...]:
    """Numbers to compare; one that nobody knows is later than all others."""
    parts = text.partition("+")[0].split(".")
    numbers = [float(part) for part in parts] if all(part.isdecimal() for part in parts) else [math.inf]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _of_parity(old: BundledArtifact, new: BundledArtifact, change: Callable[..., Change]) -> Iterator[Change]:
    if new.allowed and not old.allowed:
        yield change(topic=Topic.PARITY, breaking=True, what="has no PASS, and was let in")
    later = {row.target: row for row in new.parity}
    for row in old.parity:
        found = later.pop(row.target, None)
        if found is None:
            yield change(topic=Topic.PARITY, breaking=False, what=f"was not judged on {row.target} this time")
        elif row.status is not found.status:
            breaking = row.status is Status.PASS and found.status is not Status.NOT_RUN
            what = f"has another verdict on {row.target}"
            yield change(topic=Topic.PARITY, breaking=breaking, what=what, old=row.status, new=found.status)
        else:
            yield from _of_checks(row, found, change)
    for target in later:
        yield change(topic=Topic.PARITY, breaking=False, what=f"was judged on {target} too")


def _of_checks(old: TargetParity, new: TargetParity, change: Callable[..., Change]) -> Iterator[Change]:
    later = {(each.output, each.check.quantity): each.check.value for each in new.checks}
    for each in old.checks:
        before, after = each.check.value, later.get((each.output, each.check.quantity))
        if before and after is not None and abs(after - before) > _NEWS * before:
            what = f"{each.output}: {each.check.quantity} on {old.target}"
            yield change(topic=Topic.PARITY, breaking=False, what=what, old=f"{before:.3g}", new=f"{after:.3g}")


def _of_figures(old: BundledArtifact, new: BundledArtifact, change: Callable[..., Change]) -> Iterator[Change]:
    if old.sha256 != new.sha256:
        yield change(topic=Topic.WEIGHTS, breaking=False, what="is another file, with other weights or metadata")
    if old.bytes != new.bytes:
        yield change(
            topic=Topic.SIZE,
            breaking=False,
            what="has another size",
            old=f"{old.bytes} bytes",
            new=f"{new.bytes} bytes",
        )
    later = {row.target: row.ms_per_call for row in new.parity}
    for row in old.parity:
        before, after = row.ms_per_call, later.get(row.target)
        if before and after and abs(after - before) > _LATENCY_NEWS * before:
            what = f"a call on {row.target} takes another time"
            texts = (f"{before:.3g} ms", f"{after:.3g} ms")
            yield change(topic=Topic.LATENCY, breaking=False, what=what, old=texts[0], new=texts[1])
