"""The files that a verdict stands on: which calls belong together, what is undecided, and that nobody edited them."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.converters.errors import InputError
from edgeproof.converters.feedback import Feedback
from edgeproof.converters.manifest import Manifest, SourceRecord
from edgeproof.converters.tensors import read_calls, write_calls
from edgeproof.validators.golden import FOLDER, Golden, copied
from edgeproof.validators.noise_floor import FloorKind, Group

Array = np.ndarray[Any, np.dtype[Any]]


def stored(folder: Path, *, labels: tuple[int, ...] = (1, 2)) -> Golden:
    golden = Golden(folder, real=1)
    truth = np.linspace(1, 2, 100)
    write_calls(golden.calls, [{"x": np.ones(3, np.float32)}] * 2)
    write_calls(golden.reference, [{"y": truth.astype(np.float32), "label": np.array(labels)}] * 2)
    write_calls(golden.truth, [{"y": truth, "label": np.array([1, 2])}] * 2)
    moved = folder / "moved.npz"
    write_calls(moved, [{"y": truth * (1 + 1e-7), "label": np.array([1, 5])}] * 2)
    golden.measure([moved], [])
    return golden


def manifest_of(golden: Golden) -> Manifest:
    source = SourceRecord(
        name="net", framework="torch", kind="factory", file=None, factory="a:b", sha256="", parameters=0, made_by={}
    )
    return Manifest(source=source, inputs=(), outputs=(), golden=golden.hashes())


def test_calls_belong_to_real_ones_generated_ones_and_the_sequence(tmp_path: Path):
    plain = Golden(tmp_path, real=2)
    assert list(islice(plain.groups, 5)) == [Group.REAL] * 3 + [Group.PROBES] * 2
    looped = Golden(tmp_path, real=1, feedback=Feedback(start=4, state={"h": "h2"}))
    assert list(islice(looped.groups, 6)) == [Group.REAL] * 2 + [Group.PROBES] * 2 + [Group.LOOP] * 2


def test_the_truth_of_every_call_is_what_was_measured(tmp_path: Path):
    golden = stored(tmp_path)
    floor = golden.stored_floor()
    assert floor.kind is FloorKind.FLOAT64
    truths = list(islice(golden.truths(floor), 2))
    assert all(truth.exact is not None and truth.exact["y"].dtype == np.float64 for truth in truths)
    assert truths[0].undecided["label"].tolist() == [False, True]


def test_a_source_that_did_not_run_in_float64_has_its_jitter_and_the_reason(tmp_path: Path):
    golden = stored(tmp_path)
    floor = golden.measure([tmp_path / "moved.npz"], [], why="an operator has no double kernel")
    assert (floor.kind, floor.why) == (FloorKind.JITTER, "an operator has no double kernel")
    assert next(golden.truths(floor)).exact is None


def test_files_are_copied_to_be_judged_by(tmp_path: Path):
    (tmp_path / "a").mkdir()
    golden = stored(tmp_path / "a")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    copy = copied(tmp_path / "a", scratch, manifest_of(golden))
    assert copy.hashes() == golden.hashes()


@pytest.mark.parametrize("name", ["samples.npz", "reference.npz", "truth.npz", "floor.json", "undecided.npz"])
def test_an_edited_or_missing_file_is_refused(tmp_path: Path, name: str):
    folder = tmp_path / "a"
    folder.mkdir()
    made = manifest_of(stored(folder))
    path = folder / FOLDER / name
    with path.open("r+b") as stream:
        stream.seek(10)
        stream.write(b"\xff")
    (tmp_path / "one").mkdir()
    with pytest.raises(InputError, match=f"{name} is not the file"):
        copied(folder, tmp_path / "one", made)
    path.unlink()
    shutil.rmtree(tmp_path / "one")
    (tmp_path / "one").mkdir()
    with pytest.raises(InputError, match=f"{name} is missing"):
        copied(folder, tmp_path / "one", made)


def test_a_folder_without_hashes_is_nothing_to_judge_by(tmp_path: Path):
    made = manifest_of(Golden(tmp_path))
    with pytest.raises(InputError, match="nothing to judge by"):
        copied(tmp_path, tmp_path, made)


def test_a_part_holds_some_of_the_calls(tmp_path: Path):
    (tmp_path / "whole").mkdir()
    golden = Golden(tmp_path / "whole", real=2, feedback=Feedback(start=5, state={"h": "g"}))
    for path in (golden.reference, golden.truth, golden.folder / "simulated.onnx.int8.npz"):
        write_calls(path, ({"y": np.float32([place])} for place in range(8)))
    simulation = golden.folder / "simulated.onnx.int8.npz"
    (golden.folder / "simulated.onnx.int8-dynamic.npz").write_bytes(b"just being written")
    part = golden.part((1, 2, 4, 5, 6), tmp_path / "part", simulations=(simulation,))
    assert part.real == 1
    assert part.feedback == Feedback(start=3, state={"h": "g"})
    for path in (part.reference, part.truth, part.folder / "simulated.onnx.int8.npz"):
        assert [int(call["y"][0]) for call in read_calls(path)] == [1, 2, 4, 5, 6]
