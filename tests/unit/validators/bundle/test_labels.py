"""Labels that fit an output, and those that do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeproof.converters.errors import InputError
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.validators.bundle.labels import read_labels_file


def _signature(**outputs: tuple[int | str, ...]) -> Signature:
    specs = tuple(TensorSpec(name=name, dtype="float32", shape=shape) for name, shape in outputs.items())
    return Signature(inputs=(TensorSpec(name="image", dtype="float32", shape=(1, 4)),), outputs=specs)


def _file(folder: Path, *names: str) -> str:
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return str(folder / "labels.txt")


def test_the_largest_element_has_the_label(tmp_path: Path):
    found = read_labels_file(_file(tmp_path, "none", "one", "zwölf"), _signature(scores=("batch", 3)))
    calls = [{"scores": np.array([[0.1, 0.2, 0.7]])}, {"scores": np.array([[0.9, 0.2, 0.7]])}]
    assert found.expected(calls) == ("zwölf", "none")


def test_one_probability_chooses_between_two(tmp_path: Path):
    found = read_labels_file(_file(tmp_path, "background", "face"), _signature(face=(1, 1)))
    assert found.expected([{"face": np.array([[0.4]])}, {"face": np.array([[0.5]])}]) == ("background", "face")


def test_the_output_is_named_where_several_would_do(tmp_path: Path):
    signature = _signature(left=(1, 2), right=(1, 2))
    text = _file(tmp_path, "no", "yes")
    with pytest.raises(InputError, match="which one"):
        read_labels_file(text, signature)
    assert read_labels_file(f"right={text}", signature).output == "right"


@pytest.mark.parametrize(
    ("names", "said"),
    [(("a", "b"), "2 labels"), (("a", "b", "a"), "twice"), (("a", "", "b"), "empty"), ((), "0 labels")],
)
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, names: tuple[str, ...], said: str):
    with pytest.raises(InputError, match=said):
        read_labels_file(_file(tmp_path, *names), _signature(scores=(1, 3)))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path):
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_labels_file(str(tmp_path / "labels.txt"), _signature(scores=(1, 3)))
    with pytest.raises(InputError, match="cannot be read"):
        read_labels_file(str(tmp_path / "absent.txt"), _signature(scores=(1, 3)))
