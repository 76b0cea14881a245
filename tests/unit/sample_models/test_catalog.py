"""Every sample has its files, enough labelled rows, and no row on both sides."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgeproof.converters.preprocessing.reading import inputs_of
from edgeproof.converters.preprocessing.spec import read_spec
from edgeproof.sample_models.catalog import HERE, SAMPLES, Sample, sample
from edgeproof.sample_models.evaluation import read_evaluation, rows
from edgeproof.sample_models.photos import write_photos

Arrays = dict[str, NDArray[np.generic]]

INPUTS = {
    "digits_cnn": {"image": ("float32", (1, 28, 28))},
    "ink_tokens": {"tokens": ("int64", (36,)), "mask": ("bool", (36,))},
    "digit_rows_lstm": {"rows": ("float32", (28, 28))},
    "digit_pairs": {"left": ("float32", (1, 28, 28)), "right": ("float32", (1, 28, 28))},
    "faces_cnn": {"image": ("float32", (25, 25, 1))},
    "digit_columns_gru": {"columns": ("float32", (28, 28))},
    "tumours": {"means": ("float32", (10,)), "errors": ("float32", (10,))},
}
LABELS = {"digit_pairs": {"label_same", "label_sum"}, "tumours": {"label_malignant", "label_worst_radius"}}

every_sample = pytest.mark.parametrize("each", SAMPLES, ids=lambda each: each.name)


def calibration_of(each: Sample) -> Arrays:
    with np.load(each.calibration, allow_pickle=False) as file:
        return dict(file)


def described(arrays: Arrays) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {name: (array.dtype.name, array.shape[1:]) for name, array in arrays.items()}


def test_every_folder_with_a_model_is_in_the_catalog() -> None:
    assert {file.parent.name for file in HERE.glob("*/model.py")} == {each.name for each in SAMPLES}


@every_sample
def test_a_sample_has_its_files(each: Sample) -> None:
    expected = {"__init__.py", "model.py", "train.py", each.source, "evaluation.npz", "calibration.npz"}
    expected |= {text for text in each.inputs if text.endswith(".npz")}
    if each.preprocessing.exists():
        expected |= {each.preprocessing.name, each.labels.name}
    assert {file.name for file in each.folder.iterdir() if file.is_file()} == expected


@every_sample
def test_a_sample_has_enough_rows_of_the_model_s_dtypes_and_shapes(each: Sample) -> None:
    inputs, labels = read_evaluation(each)
    calibration = calibration_of(each)
    assert described(dict(inputs)) == described(calibration) == INPUTS[each.name]
    assert set(labels) == LABELS.get(each.name, {"label"})
    assert {len(array) for array in calibration.values()} == {64}
    counts = {len(array) for array in (*inputs.values(), *labels.values())}
    assert len(counts) == 1
    assert counts.pop() >= 200


@every_sample
def test_no_calibration_row_is_an_evaluation_row(each: Sample) -> None:
    inputs, _ = read_evaluation(each)
    judged = {row_bytes(row) for row in rows(inputs)}
    assert judged.isdisjoint(row_bytes(row) for row in rows(calibration_of(each)))


def row_bytes(row: object) -> bytes:
    assert isinstance(row, dict)
    return b"".join(row[name].tobytes() for name in sorted(row))


def test_no_image_of_a_calibration_pair_is_in_an_evaluation_pair() -> None:
    inputs, _ = read_evaluation(sample("digit_pairs"))
    calibration = calibration_of(sample("digit_pairs"))
    judged = {image.tobytes() for side in inputs.values() for image in side}
    assert judged.isdisjoint(image.tobytes() for side in calibration.values() for image in side)


@every_sample
def test_labels_and_inputs_vary(each: Sample) -> None:
    inputs, labels = read_evaluation(each)
    assert all(len(np.unique(array)) > 1 for array in (*inputs.values(), *labels.values()))
    assert all(np.isfinite(array).all() for array in (*inputs.values(), *labels.values()))


def test_all_weights_together_stay_below_a_megabyte_and_so_do_the_data() -> None:
    weights = sum((each.folder / each.source).stat().st_size for each in SAMPLES)
    data = sum(file.stat().st_size for file in HERE.glob("*/*.npz"))
    assert 100_000 < weights < 1_000_000
    assert data < 1_000_000


@every_sample
def test_the_arguments_name_files_that_exist(each: Sample) -> None:
    source, *options = each.arguments()
    assert source == str(each.folder / each.source)
    if each.framework == "torch":
        assert options[:2] == ["--model", f"{each.folder}/model.py:build"]
    assert options.count("--input") == len(each.inputs)


@every_sample
def test_example_specs_agree_with_the_rows(each: Sample) -> None:
    specs = [text for text in each.inputs if not text.endswith(".npz")]
    expected = {
        f"{name}:{dtype}[{','.join(str(size) for size in (1, *shape))}]"
        for name, (dtype, shape) in INPUTS[each.name].items()
    }
    assert not specs or set(specs) == expected


def test_the_example_of_tokens_is_one_row() -> None:
    with np.load(sample("ink_tokens").folder / "example.npz", allow_pickle=False) as file:
        example = dict(file)
    assert described(example) == INPUTS["ink_tokens"]
    assert {len(array) for array in example.values()} == {1}


@every_sample
def test_the_readme_tells_the_score_and_the_bytes(each: Sample) -> None:
    lines = [line for line in (HERE / "README.md").read_text().splitlines() if line.startswith(f"| `{each.name}`")]
    assert len(lines) == 1
    assert re.search(rf"\b{re.escape(each.metric.name)} {each.reaches:.3f}\b", lines[0])
    kilobytes = (each.folder / each.source).stat().st_size / 1000
    assert f"| {kilobytes:.0f} kB |" in lines[0]


def test_a_name_that_is_not_in_the_catalog_is_answered_with_those_that_are() -> None:
    with pytest.raises(KeyError, match="digits_cnn, ink_tokens"):
        sample("digit_cnn")


@pytest.mark.parametrize("name", ["digits_cnn", "faces_cnn"])
def test_photographs_are_the_rows_in_their_order(name: str, tmp_path: Path) -> None:
    chosen = sample(name)
    photos = write_photos(chosen, tmp_path)
    spec = read_spec(chosen.preprocessing)
    with np.load(chosen.evaluation) as archive:
        rows = archive["image"][:4]
    for place, row in enumerate(rows):
        pixels = np.asarray(Image.open(photos.samples / f"{place:03d}.png").convert("RGB"))
        (made,) = inputs_of(spec, {"pixels": pixels}, folder=chosen.folder).values()
        assert made.shape == (1, *row.shape)
        assert np.abs(made[0] - row).max() <= 0.501 / 255
