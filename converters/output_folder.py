"""The folder that a conversion writes: filled beside its place, then moved there in one step."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from . import manifest
from .errors import InputError, UsageError
from .preprocessing import spec

RECIPES = "recipes"
_OURS = ("parity.json", "golden", RECIPES, manifest.FILE_NAME, spec.FILE_NAME, spec.TOKENIZER)


class OutputFolder:
    """Context manager: `partial` is where to write; `publish()` moves it to `place`.

    Left without publishing, nothing of it remains. UsageError if `place` holds anything and `overwrite` is
    off, or holds files that no manifest of ours names.
    """

    def __init__(self, place: Path, *, overwrite: bool) -> None:
        self.place = place.resolve()
        self._overwrite = overwrite
        self.partial = Path()

    def __enter__(self) -> Self:
        self._check()
        try:
            self.place.parent.mkdir(parents=True, exist_ok=True)
            name = tempfile.mkdtemp(prefix=f".{self.place.name}.partial-", dir=self.place.parent)
        except OSError as error:
            raise UsageError(
                f"{self.place.parent} cannot be written: {error.strerror}", fix="choose another folder with -o"
            ) from error
        self.partial = Path(name)
        self.partial.chmod(0o755)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.partial, ignore_errors=True)

    def publish(self) -> None:
        """Put the folder in its place; what was there before is replaced as a whole."""
        if self.place.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{self.place.name}.old-", dir=self.place.parent))
            self.place.replace(old / "was")
            self.partial.replace(self.place)
            shutil.rmtree(old)
        else:
            self.partial.replace(self.place)

    def _check(self) -> None:
        if not self.place.exists():
            return
        if not self.place.is_dir():
            raise UsageError(f"{self.place} is a file", fix="choose another folder with -o")
        if not any(self.place.iterdir()):
            return
        if not self._overwrite:
            raise UsageError(
                f"{self.place} exists and is not empty", fix="add --overwrite, or choose another folder with -o"
            )
        foreign = self._foreign_files()
        if foreign:
            raise UsageError(
                f"{self.place} holds files that edgeproof did not write: {', '.join(foreign[:5])}",
                fix="move them away, or choose another folder with -o",
            )

    def _foreign_files(self) -> list[str]:
        try:
            records = manifest.read(self.place).artifacts
            known = {name for record in records for name in (record.file, *(each.file for each in record.companions))}
        except InputError:
            known = set[str]()
        return sorted(path.name for path in self.place.iterdir() if path.name not in known and path.name not in _OURS)
