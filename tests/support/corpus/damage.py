"""Damages sound files: cut off, bytes changed, numbers that lie, members of archives changed under right checksums."""

from __future__ import annotations

import io
import json
import random
import shutil
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from .case import Case

_WORDS = (0, 1, 8, 0x7F, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF8)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1 << 31,
    1 << 70,
    1e308,
    "",
    "x",
    "../x",
    [],
    {},
    [[]],
    {"class_name": "x"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A sound file or folder: `model` and `inputs` are given with it, or, if `as_model`, it is itself the `--model`."""

    kind: str
    path: Path
    model: str | None = None
    inputs: tuple[str, ...] = ()
    weights: Path | None = None  # what is opened where the seed is the architecture


def damaged(seed: Seed, number: int, seed_of_all: int, folder: Path) -> Case:
    """The damage of this number, the same every time; the first ten cut the file at every tenth."""
    chance = random.Random(f"{seed_of_all}:{seed.kind}:{seed.path.name}:{number}")
    folder.mkdir(parents=True)
    place = folder / seed.path.name
    if seed.path.is_dir():
        shutil.copytree(seed.path, place)
        files = sorted(path for path in place.rglob("*") if path.is_file() and path.stat().st_size)
        target = files[number % len(files)]
        number //= len(files)
    else:
        shutil.copyfile(seed.path, place)
        target = place
    how, data = _change(target.read_bytes(), number, chance)
    target.write_bytes(data)
    name = f"{seed.path.name} #{number} {how}"
    if seed.weights is not None:
        return Case(kind=seed.kind, name=name, path=seed.weights, model=str(place), inputs=seed.inputs)
    return Case(kind=seed.kind, name=name, path=place, model=seed.model, inputs=seed.inputs)


def _change(data: bytes, number: int, chance: random.Random) -> tuple[str, bytes]:
    if number < 10:
        return "cut", data[: len(data) * number // 10]
    if data.startswith(b"PK") and chance.random() < 0.6:
        return _in_archive(data, chance)
    if data[:1] in b"{[" and chance.random() < 0.7:
        return _in_json(data, chance)
    return _bytes_changed(data, chance)


def _bytes_changed(data: bytes, chance: random.Random) -> tuple[str, bytes]:
    changed = bytearray(data)
    how = chance.choice(("flip", "flip", "flip", "flips", "word", "long", "zeros", "removed", "inserted", "copied"))
    place = chance.randrange(len(changed)) if chance.random() < 0.6 else chance.randrange(min(len(changed), 512))
    length = min(chance.choice((1, 4, 16, 64, 512)), len(changed) - place)
    if how == "flip":
        changed[place] ^= 1 << chance.randrange(8)
    elif how == "flips":
        for _ in range(chance.randint(2, 16)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    elif how == "word":
        changed[place : place + 4] = struct.pack("<I", chance.choice(_WORDS))
    elif how == "long":
        changed[place : place + 8] = struct.pack("<Q", chance.choice((*_WORDS, 1 << 63, (1 << 64) - 1, 1 << 40)))
    elif how == "zeros":
        changed[place : place + length] = bytes(length)
    elif how == "removed":
        del changed[place : place + length]
    elif how == "inserted":
        changed[place:place] = chance.randbytes(length)
    else:
        other = chance.randrange(len(changed))
        changed[place : place + length] = changed[other : other + length]
    return f"{how} at {place}", bytes(changed)


def _in_archive(data: bytes, chance: random.Random) -> tuple[str, bytes]:
    """A sound archive around a damaged member: no checksum gives it away."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice([name for name, content in members.items() if content])
    content = members[name]
    if content[:1] in b"{[" and chance.random() < 0.7:
        how, members[name] = _in_json(content, chance)
    elif chance.random() < 0.1:
        how = "dropped"
        del members[name]
    else:
        how, members[name] = _bytes_changed(content, chance)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for member, inside in members.items():
            archive.writestr(member, inside)
    return f"{name}: {how}", made.getvalue()


def _in_json(data: bytes, chance: random.Random) -> tuple[str, bytes]:
    """One value of a JSON document replaced, removed, or taken from elsewhere in it."""
    try:
        document = json.loads(data)
    except ValueError:
        return _bytes_changed(data, chance)
    places = list(_places(document))
    if not places:
        return _bytes_changed(data, chance)
    holder, key = chance.choice(places)
    how = chance.choice(("value", "value", "moved", "removed"))
    if how == "removed":
        del holder[key]
    elif how == "moved":
        other, name = chance.choice(places)
        holder[key] = json.loads(json.dumps(other[name]))
    else:
        holder[key] = chance.choice(_VALUES)
    return f"json {how} at {key!r}", json.dumps(document).encode()


def _places(document: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [document]
    while waiting:
        holder = waiting.pop()
        pairs = cast("list[tuple[Any, Any]]", list(holder.items() if isinstance(holder, dict) else enumerate(holder)))
        for key, value in pairs:
            found.append((holder, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    return found
