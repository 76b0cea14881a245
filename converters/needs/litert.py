"""What a LiteRT file needs: operators with their versions, the runtime that has them, memory for what flows between."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ..checkpoints.opening import damage_named, mapped
from ..inspection.litert import read_litert
from ..inspection.litert_calls import Graph, read_calls
from .litert_versions import number, since
from .needs import Operator, ReducedBuild, RuntimeNeeds

_NAME = "operators.json"
_ALIGNMENT = 16
_CUSTOM = "CUSTOM "
_MINIMUM = "minimum runtime"
# These read all of an input after they have begun to write; others may give their result where an input was.
_APART = frozenset(
    "AVERAGE_POOL_2D BATCH_MATMUL CONCATENATION CONV_2D CONV_3D CONV_3D_TRANSPOSE DEPTHWISE_CONV_2D FULLY_CONNECTED"
    " MAX_POOL_2D MEAN RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR TRANSPOSE TRANSPOSE_CONV".split()
)


def litert_needs(path: Path) -> tuple[RuntimeNeeds, ReducedBuild]:
    """Read a LiteRT file; raises SourceError for a damaged one."""
    data = mapped(path)
    with damage_named(path, "LiteRT model"):
        versions = read_litert(data).versions
        graphs = read_calls(data)
    counts = Counter((call.name, call.version) for graph in graphs for call in graph.calls)
    operators = tuple(_operator(name, version, count) for (name, version), count in sorted(counts.items()))
    least, why = _least(operators, versions.get(_MINIMUM))
    needs = RuntimeNeeds(
        runtime="LiteRT",
        least=least,
        least_by=why,
        declares=versions,
        operators=operators,
        arena_bytes=None if any(map(_is_custom, operators)) else _arena(graphs),  # nobody knows what they take
    )
    return needs, ReducedBuild(name=_NAME, text=_text(operators))


def _operator(name: str, version: int, count: int) -> Operator:
    if name.startswith(_CUSTOM):
        return Operator(name=name.removeprefix(_CUSTOM), domain="custom", count=count)
    return Operator(name=name, version=version, count=count)


def _least(operators: tuple[Operator, ...], declared: str | None) -> tuple[str, str]:
    """The release that has all operators, and in words how that is known."""
    found: dict[str, str] = {}
    unknown: list[str] = []
    for operator in operators:
        if operator.version is not None:
            release = since(operator.name, operator.version)
            if release is None:
                unknown.append(f"{operator.name} {operator.version}")
            else:
                found[release] = f"which has {operator.name} {operator.version} by LiteRT's table"
    beside = "".join(_remarks(operators, unknown))
    if declared and declared.replace(".", "").isdigit():
        found.setdefault(declared, "as the file states")
    if not found:
        return "unknown", f"no operator of it is in LiteRT's table of versions{beside}"
    least = max(found, key=number)
    return least, f"TensorFlow Lite {least}, {found[least]}{beside}"


def _remarks(operators: tuple[Operator, ...], unknown: list[str]) -> Iterator[str]:
    if unknown:
        yield f"; {', '.join(unknown)} may need a newer one than the table tells"
    custom = [operator.name for operator in operators if operator.domain == "custom"]
    if custom:
        yield f"; {', '.join(custom)} must be registered by the app"


def _is_custom(operator: Operator) -> bool:
    return operator.domain != ""


def _arena(graphs: list[Graph]) -> int | None:
    """Bytes of the tensors that live at once, at the most; None where sizes depend on the inputs.

    A lower bound for kernels without a delegate: planners may leave gaps, and kernels may take scratch memory.
    """
    peaks = [_peak(graph) for graph in graphs]
    known = [peak for peak in peaks if peak is not None]
    return max(known, default=None) if len(known) == len(peaks) else None


def _peak(graph: Graph) -> int | None:
    sizes = {place: tensor.bytes for place, tensor in enumerate(graph.tensors) if not tensor.stored}
    used = {*graph.inputs, *graph.outputs, *(each for call in graph.calls for each in (*call.inputs, *call.outputs))}
    if any(sizes[place] is None for place in used if place in sizes):
        return None
    taken = {place: -(-(sizes[place] or 0) // _ALIGNMENT) * _ALIGNMENT for place in used if place in sizes}
    kept = {place for place, tensor in enumerate(graph.tensors) if tensor.variable} | set(graph.outputs)
    last = {place: step for step, call in enumerate(graph.calls) for place in (*call.inputs, *call.outputs)}
    alive = {*graph.inputs, *(place for place, tensor in enumerate(graph.tensors) if tensor.variable)}
    peak = sum(taken.get(place, 0) for place in alive)
    for step, call in enumerate(graph.calls):
        ending = {place for place in call.inputs if last[place] == step and place not in kept}
        made = sum(taken.get(place, 0) for place in call.outputs if place not in alive)
        shared = 0 if call.name in _APART else min(made, max((taken.get(place, 0) for place in ending), default=0))
        peak = max(peak, sum(taken.get(place, 0) for place in alive) + made - shared)
        alive = {place for place in alive | set(call.outputs) if last.get(place, -1) > step or place in kept}
    return peak


def _text(operators: tuple[Operator, ...]) -> str:
    """The operators as JSON: those that the runtime must be built with, and those that the app registers."""
    own = [{"name": each.name, "version": each.version, "count": each.count} for each in operators if not each.domain]
    custom = [{"name": each.name, "count": each.count} for each in operators if each.domain]
    return json.dumps({"operators": own, "custom": custom}, indent=2, ensure_ascii=False) + "\n"
