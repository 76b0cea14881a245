"""Runs a job on a device: brings what it needs there, starts the guest, fetches what it gave."""

from __future__ import annotations

import glob
import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec

from ...converters.artifact import Format
from ...converters.errors import NotRunnable
from ...converters.job import RunJob, RunResult
from ...converters.worker.box import restore
from ..guests.answer import from_output
from .causes import Circumstances, cause_of
from .command import Places, environment, python_command
from .device import Device
from .executorch_guest import run_executorch
from .guest_files import guest_package
from .installation.parts import PYTHON, ROOT
from .installation.store import Store


class Guest:
    """The parts of a store on a device."""

    def __init__(self, device: Device, store: Store) -> None:
        self._device = device
        self._store = store

    def run(self, job: RunJob, *, entry: str, circumstances: Circumstances) -> RunResult:
        """Run `job` there; its outputs are in `job.outputs` afterwards.

        Raises what the runner raised there (LoadError, RunError), and RunError or NotRunnable for a guest that died.
        """
        try:
            if job.artifact.format != Format.EXECUTORCH:
                return self._run_python(job, entry, circumstances)
            places, version = self._places((Format.EXECUTORCH,)), self._version(Format.EXECUTORCH)
            return run_executorch(self._device, places, job, circumstances, version=version)
        finally:
            self._device.clean()

    def _run_python(self, job: RunJob, entry: str, circumstances: Circumstances) -> RunResult:
        places = self._places((PYTHON, job.artifact.format))
        outputs = self._device.new("outputs.npz")
        there = replace(
            job,
            artifact=replace(job.artifact, file=self._artifact(job.artifact.file)),
            calls=self._device.put(Path(job.calls)),
            outputs=outputs,
        )
        with tempfile.TemporaryDirectory(prefix="edgeproof-guest-") as scratch:
            file = Path(scratch) / "job.json"
            file.write_bytes(msgspec.json.encode(there))
            command = python_command(
                places, self._device.architecture, self._device.prefix, (entry, self._device.put(file))
            )
            done = self._device.execute(command, environment(places))
        answer = from_output(done.output)
        if answer is None:
            raise cause_of(done, circumstances)
        if answer.error is not None:
            raise restore(answer.error, log=None)
        if answer.result is None:
            raise NotRunnable("a guest answered nothing", fix="report this as a bug")
        self._device.get(outputs, Path(job.outputs))
        return answer.result

    def _artifact(self, file: str) -> str:
        """The artifact there, with the files beside it that hold its weights."""
        for beside in sorted(Path(file).parent.glob(f"{glob.escape(Path(file).name)}.*")):
            if beside.is_file() and not beside.is_symlink():
                self._device.put(beside)
        return self._device.put(Path(file))

    def _places(self, parts: tuple[str, ...]) -> Places:
        package = guest_package(self._store.folder)
        modules = (str(self._device.keep(package, package.name)), *(self._part(name) for name in parts))
        facts = self._store.facts
        given = facts.get("root")
        root = self._device.keep(Path(given), _key_of(Path(given))) if given else self._part(ROOT)
        return Places(root=root, modules=modules, home=self._device.new("home"), python=facts.get("python", "3.11"))

    def _version(self, name: str) -> str:
        """Of the package that a part was made of."""
        part = self._store.part(name)
        return part.built.fetched[0].version if part and part.built.fetched else "unknown"

    def _part(self, name: str) -> str:
        part = self._store.part(name)
        if part is None:
            raise NotRunnable(f"{name} of this target is not there, or not whole", fix="install the target again")
        return self._device.keep(self._store.place(name), part.key)


def _key_of(root: Path) -> str:
    """What tells a root of the user's from another, and from itself after packages were added."""
    if not root.is_dir():
        raise NotRunnable(f"the root {root} is gone", fix="restore it, or install the target again")
    status = root / "var/lib/dpkg/status"
    changed = (status if status.exists() else root).stat().st_mtime_ns
    return f"root-{hashlib.sha256(f'{root} {changed}'.encode()).hexdigest()[:16]}"
