"""What an ONNX file needs of ONNX Runtime: a version that knows its IR and opsets, and kernels for its operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import le
from pathlib import Path

from ..checkpoints.opening import damage_named, mapped
from ..inspection.onnx import OnnxReader
from .needs import Operator, ReducedBuild, RuntimeNeeds

_NAME = "required_operators.config"
_ONNX, _ML = "ai.onnx", "ai.onnx.ml"
# The newest IR, opset and opset of ai.onnx.ml that each version reads, in the order of versions; those that read no
# more than the one before are left out. Up to 1.14 as ONNX Runtime's own table of compatibility has it
# (https://onnxruntime.ai/docs/reference/compatibility.html), from there on as releases were seen to load models stamped
# with each number: that table is behind what they read.
_VERSIONS = {
    "1.1": (6, 11, 2),
    "1.3": (7, 12, 2),
    "1.6": (7, 13, 2),
    "1.8": (7, 14, 2),
    "1.9": (8, 15, 2),
    "1.11": (8, 16, 2),
    "1.12": (8, 17, 3),
    "1.14": (8, 18, 3),
    "1.15": (9, 19, 3),
    "1.17": (9, 20, 4),
    "1.18": (10, 21, 5),
    "1.21": (10, 22, 5),
    "1.23": (11, 23, 5),
    "1.24": (13, 25, 5),
    "1.25": (13, 26, 5),
    "1.32": (14, 28, 5),
}
_HEAD = """\
# Operators for a reduced build of ONNX Runtime: build.sh --include_ops_by_config FILE
# domain;opset;operator,operator...
"""
_AS_IT_IS = """\
# They are those of the file as it is. Graph optimisation puts others in their place, so create sessions with
# ORT_DISABLE_ALL or ORT_ENABLE_BASIC.
"""
_OPTIMISED = """\
# They are those of the file, and those that graph optimisation makes of them up to ORT_ENABLE_EXTENDED. What comes
# after that depends on the processor, so create sessions with ORT_ENABLE_EXTENDED or less.
"""


def onnx_needs(path: Path, *, optimised: Path | None) -> tuple[RuntimeNeeds, ReducedBuild]:
    """Read an ONNX file, and for the reduced build also what ONNX Runtime's optimisation made of it, if there is that.

    Raises SourceError for a damaged file.
    """
    operators, versions = _read(path)
    more = _read(optimised)[0] if optimised is not None else ()
    least, why = _least(versions, operators)
    needs = RuntimeNeeds(
        runtime="onnxruntime",
        least=least,
        least_by=why,
        declares={"ir": versions.get("IR", "?"), **{f"opset {name}": text for name, text in _opsets(versions)}},
        operators=operators,
    )
    head = _HEAD + (_OPTIMISED if optimised is not None else _AS_IT_IS)
    return needs, ReducedBuild(name=_NAME, text=head + "".join(_lines((*operators, *more))))


def _read(path: Path) -> tuple[tuple[Operator, ...], dict[str, str]]:
    reader = OnnxReader()
    with damage_named(path, "ONNX model"):
        contents = reader.read(mapped(path))
    counts = Counter(contents.operators)
    found: Counter[tuple[str, str, int]] = Counter()
    for function in reader.functions.values():
        counts -= Counter(function.operators)
        found += _versioned(function.operators, function.opsets, reader.functions)
    found += _versioned(counts, contents.versions, reader.functions)
    operators = (
        Operator(name=name, domain=domain, version=version or None, count=count)
        for (domain, name, version), count in sorted(found.items())
    )
    return tuple(operators), contents.versions


def _versioned(
    counts: Mapping[str, int], versions: Mapping[str, str], functions: Iterable[str]
) -> Counter[tuple[str, str, int]]:
    """Operators with the opset of their domain; calls of the model's own functions are none."""
    opsets, own = dict(_opsets(versions)), set(functions)
    found: Counter[tuple[str, str, int]] = Counter()
    for full, count in counts.items():
        if full not in own:
            domain, _, name = full.rpartition("::")
            found[domain or _ONNX, name, int(opsets.get(domain or _ONNX, "0"))] += count
    return found


def _opsets(versions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for label, text in versions.items():
        if label == "opset":
            yield _ONNX, text
        elif label.startswith("opset "):
            yield label.removeprefix("opset "), text


def _least(versions: Mapping[str, str], operators: tuple[Operator, ...]) -> tuple[str, str]:
    """The first version that reads what the file declares, and in words how that is known."""
    opsets = dict(_opsets(versions))
    wanted = (int(versions.get("IR", "0")), int(opsets.get(_ONNX, "0")), int(opsets.get(_ML, "0")))
    said = f"IR {wanted[0]}, opset {wanted[1]}" + (f", {_ML} {wanted[2]}" if wanted[2] else "")
    reading = (version for version, known in _VERSIONS.items() if all(map(le, wanted, known)))
    first = next(reading, None)
    if first is None:
        return "unknown", f"{said}: newer than ONNX Runtime {next(reversed(_VERSIONS))}, the last one in the table"
    others = sorted({operator.domain for operator in operators} - {_ONNX, _ML})
    unknown = f"; the operators of {', '.join(others)} have no versions and may need a newer one" if others else ""
    return first, f"{said}: the first version that reads them{unknown}"


def _lines(operators: Iterable[Operator]) -> Iterator[str]:
    by_opset: dict[tuple[str, int], set[str]] = {}
    for operator in operators:
        by_opset.setdefault((operator.domain, operator.version or 1), set()).add(operator.name)
    for (domain, version), names in sorted(by_opset.items()):
        yield f"{domain};{version};{','.join(sorted(names))}\n"
