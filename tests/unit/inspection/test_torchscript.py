from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import pytest
from artifacts import golden

from edgeproof.converters.errors import SourceError, UnsafeInput
from edgeproof.converters.inspection.findings import Contents
from edgeproof.converters.inspection.inspect import inspect_artifact


def _contents(name: str) -> Contents:
    return inspect_artifact(golden(name)).contents


def test_a_submodule_that_is_used_twice_counts_twice() -> None:
    assert _contents("net.pt").operators == {
        "aten::add": 3, "aten::_convolution": 2, "aten::relu": 2, "aten::cumsum": 1, "aten::linear": 1, "aten::mean": 1,
    }  # fmt: skip


def test_loops_and_branches_of_a_scripted_module_count_once() -> None:
    operators = _contents("counter.pt").operators
    assert operators["aten::conv2d"] == operators["aten::sigmoid"] == operators["aten::neg"] == 1


def test_names_of_inputs_are_known_and_their_shapes_are_not() -> None:
    contents = _contents("counter.pt")
    assert [(fact.name, fact.dtype, fact.shape) for fact in contents.inputs] == [
        ("image", None, None),
        ("times", "int", None),
    ]
    assert any("does not store the dtypes" in note for note in contents.notes)


def test_weights_come_from_the_pickle_without_unpickling_it() -> None:
    weights = _contents("net.pt").weights
    assert weights.elements == {"float32": 2 * (2 * 2 * 9 + 2) + 2 * 3 + 3}
    assert weights.tensors == 6


def test_extra_files_are_metadata() -> None:
    assert _contents("net.pt").metadata == {"class": "__torch__.Net", "labels.txt": "cat, dog, cow"}


def test_a_pickle_that_asks_for_code_is_refused_and_not_run(tmp_path: Path) -> None:
    witness = tmp_path / "witness"

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(witness),)

    path = _with_entry(golden("net.pt"), tmp_path / "evil.pt", "data.pkl", pickle.dumps(Evil(), protocol=2))
    with pytest.raises(UnsafeInput) as caught:
        inspect_artifact(path)
    assert caught.value.exit_code == 5
    assert "posix.mkdir" in caught.value.message
    assert not witness.exists()


def test_an_entry_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    bomb = b"# " + b"a" * (40 << 20)
    path = _with_entry(golden("net.pt"), tmp_path / "bomb.pt", "code/__torch__.py", bomb)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(SourceError, match="unpacks to more than 16 MiB"):
        inspect_artifact(path)


def test_a_checkpoint_is_told_from_an_artifact() -> None:
    with pytest.raises(SourceError, match="is a torch checkpoint, not an artifact"):
        inspect_artifact(golden("weights.pt"))


def _with_entry(source: Path, target: Path, name: str, content: bytes) -> Path:
    """A copy of an archive in which one entry has other content."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, content if entry.partition("/")[2] == name else old.read(entry))
    return target
