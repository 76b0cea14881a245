"""What is installed beside edgeproof, against what its own metadata asks for and what is known to work together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version

EXTRAS = ("torch", "executorch", "litert", "onnx", "keras")
_REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)(?P<bounds>[^;\[]*)(?:;\s*extra == [\"'](?P<extra>[\w-]+)[\"'])?$")
_BOUND = re.compile(r"^(==|>=|<=|<|>|!=)\s*([\w.+]+)$")
_NUMBER = re.compile(r"^\d+")
_COMPARE: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "==": lambda have, want: have == want,
    "!=": lambda have, want: have != want,
    ">=": lambda have, want: have >= want,
    "<=": lambda have, want: have <= want,
    ">": lambda have, want: have > want,
    "<": lambda have, want: have < want,
}


class State(StrEnum):
    """How something that was looked at is."""

    FINE = "fine"
    MISSING = "missing"
    WRONG = "wrong version"
    UNPROVEN = "not proven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package that edgeproof asks for: `wanted` are its bounds, `extra` is None for what it cannot do without."""

    name: str
    extra: str | None
    wanted: str
    found: str | None
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Packages that have to fit each other: their versions here, and what is known about the combination."""

    names: tuple[str, ...]
    found: tuple[str, ...]
    state: State
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proven:
    """Versions that passed together, by package; `beware` says what other versions were seen to do."""

    versions: Mapping[str, str]
    beware: str = ""


# executorch 1.5 with torch 2.12 installs, exports, and fails when it runs: https://github.com/ultralytics/ultralytics/issues/26263
_PROVEN = (
    _Proven(
        versions={"torch": "2.13.0", "executorch": "1.5.1"},
        beware="executorch 1.5 beside an older torch exports, and fails when the program runs",
    ),
    _Proven(versions={"torch": "2.13.0", "litert-torch": "0.10.0", "ai-edge-litert": "2.3.0"}),
    _Proven(versions={"torch": "2.13.0", "onnx": "1.23.2", "onnxscript": "0.7.2", "onnxruntime": "1.32.0"}),
    _Proven(versions={"tensorflow": "2.21.0", "keras": "3.15.1", "tf_keras": "2.21.0"}),
    _Proven(versions={"tensorflow": "2.21.0", "tf2onnx": "1.17.0"}),
)


def packages(
    requirements: list[str] | None = None, *, installed: Callable[[str], str | None] | None = None
) -> Iterator[Package]:
    """Every package that edgeproof's metadata names, base first, then extra by extra; tools of development are not."""
    look = installed or installed_version
    lines = requirements if requirements is not None else requires_of("edgeproof")
    for extra in (None, *EXTRAS):
        for line in lines:
            match = _REQUIREMENT.match(line)
            if match is None or match["extra"] != extra:
                continue
            bounds, found = _ordered(match["bounds"]), look(match["name"])
            state = State.MISSING if found is None else State.FINE if satisfies(found, bounds) else State.WRONG
            yield Package(name=match["name"], extra=extra, wanted=bounds, found=found, state=state)


def pairs(*, installed: Callable[[str], str | None] | None = None) -> Iterator[Pair]:
    """Every combination with all of its packages installed, and whether these very versions were proven together."""
    look = installed or installed_version
    for proven in _PROVEN:
        found = {name: look(name) for name in proven.versions}
        texts = tuple(text for text in found.values() if text is not None)
        if len(texts) < len(found):
            continue
        same = all(release(found[name] or "") == release(wanted) for name, wanted in proven.versions.items())
        expected = " + ".join(f"{name} {wanted}" for name, wanted in proven.versions.items())
        remark = "known to work together" if same else f"{expected} is known to work"
        if not same and proven.beware:
            remark += f"; {proven.beware}"
        yield Pair(names=tuple(found), found=texts, state=State.FINE if same else State.UNPROVEN, remark=remark)


def _ordered(bounds: str) -> str:
    """Bounds with the lower one first; metadata has them in any order."""
    return ",".join(sorted(bounds.replace(" ", "").split(","), reverse=True))


def satisfies(found: str, bounds: str) -> bool:
    """Whether a version lies within bounds such as ">=2.3,<2.4"; local parts ("+cpu") do not count."""
    have = release(found)
    for bound in filter(None, (part.strip() for part in bounds.split(","))):
        match = _BOUND.match(bound)
        if match is None or not _COMPARE[match[1]](have, release(match[2])):
            return False
    return True


def release(text: str) -> tuple[int, ...]:
    """The numbers of a version without trailing zeros: "2.13.0+cpu" is (2, 13)."""
    numbers: list[int] = []
    for part in text.partition("+")[0].split("."):
        match = _NUMBER.match(part)
        if match is None:
            break
        numbers.append(int(match[0]))
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def installed_version(name: str) -> str | None:
    """A distribution's version from its metadata, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def requires_of(name: str) -> list[str]:
    """What a distribution's metadata asks for; empty if it is not installed."""
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []
