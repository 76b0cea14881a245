"""One input of the corpus: a path, what is said about it on the command line, and what it is an example of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`kind` groups cases in the report; `model` and `inputs` are what `--model` and `--input` would say."""

    kind: str
    name: str
    path: Path
    model: str | None = None
    inputs: tuple[str, ...] = ()


class Canaries:
    """Names the files that must never appear: one for each canary, in one watched folder."""

    def __init__(self, watched: Path) -> None:
        self.watched = watched
        watched.mkdir(parents=True, exist_ok=True)

    def mark(self, name: str) -> str:
        """The file that this canary writes when it fires."""
        return str(self.watched / name.replace("/", "-"))

    def fired(self) -> list[str]:
        """The canaries that have fired."""
        return sorted(path.name for path in self.watched.iterdir())
