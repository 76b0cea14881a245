"""The data sets are read as documented, and the stored rows are rows of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgeproof.sample_models.catalog import sample
from edgeproof.sample_models.datasets.faces import read_crops
from edgeproof.sample_models.datasets.mnist import moved, read_digits
from edgeproof.sample_models.datasets.partition import partition, write_rows
from edgeproof.sample_models.datasets.patches import ink_tokens
from edgeproof.sample_models.datasets.tumours import read_table, standardised
from edgeproof.sample_models.evaluation import read_evaluation


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """An unpacked package with one image of each digit, its first pixel telling which."""
    folder = tmp_path / "package" / "src" / "digits"
    folder.mkdir(parents=True)
    for digit in range(10):
        (folder / f"{digit}.json").write_text(json.dumps({"data": [digit / 10] + [0.51] * 783}))
    return tmp_path / "package"


def test_digits_come_in_sixteenths_with_their_labels(unpacked: Path) -> None:
    images, labels = read_digits(unpacked)
    assert images.shape == (10, 28, 28)
    assert images.dtype == np.float32
    assert labels.tolist() == list(range(10))
    assert images[5, 0, 0] == 0.5
    assert images[0, 1, 1] == 0.5


def test_a_folder_that_is_not_the_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"0\.json does not exist; --mnist wants"):
        read_digits(tmp_path)


def test_images_move_at_most_as_far_as_asked(rng: np.random.Generator) -> None:
    images = np.zeros((200, 9, 9), np.float32)
    images[:, 4, 4] = 1
    places = np.argwhere(moved(images, rng, reach=2))[:, 1:]
    assert len(places) == 200
    assert set(np.unique(places)) == {2, 3, 4, 5, 6}


def test_no_row_is_in_two_parts() -> None:
    part = partition(500, evaluation=200, seed=0)
    assert (len(part.evaluation), len(part.calibration), len(part.training)) == (200, 64, 236)
    assert sorted(np.concatenate([part.evaluation, part.calibration, part.training])) == list(range(500))


def test_rows_of_different_counts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"same number of rows, got \{'x': 2, 'label': 3\}"):
        write_rows(tmp_path / "rows.npz", {"x": np.zeros((2, 1)), "label": np.zeros(3)})


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_rows(tmp_path / f"{name}.npz", {"x": np.arange(10.0)})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_patch_s_quarters_are_the_digits_of_its_token() -> None:
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 2:4, 2:4] = 0.3  # upper left quarter of the first patch: shade 1
    image[0, 4:6, 4:6] = 1.0  # lower right quarter: shade 3
    image[0, 24:26, 22:24] = 0.6  # lower left quarter of the last patch: shade 2
    tokens, mask = ink_tokens(image)
    assert tokens.shape == mask.shape == (1, 36)
    assert tokens[0, 0] == 1 * 64 + 3
    assert tokens[0, 35] == 2 * 4
    assert np.flatnonzero(mask).tolist() == [0, 35]


def test_the_judged_crops_are_crops_and_their_mirror_images() -> None:
    images, labels = read_crops()
    inputs, stored = read_evaluation(sample("faces_cnn"))
    known = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    judged = np.asarray(inputs["image"])[..., 0]
    assert [known[image.tobytes()] for image in judged[:100]] == stored["label"][:100].tolist()
    assert np.array_equal(judged[100:], judged[:100, :, ::-1])
    assert np.array_equal(stored["label"][:100], stored["label"][100:])
    assert stored["label"].sum() == 100


def test_the_judged_tumours_are_rows_of_the_table() -> None:
    table = read_table()
    part = partition(569, evaluation=200, seed=19)
    inputs, stored = read_evaluation(sample("tumours"))
    assert np.array_equal(inputs["means"], standardised(table.means, part.training)[part.evaluation])
    assert np.array_equal(inputs["errors"], standardised(table.errors, part.training)[part.evaluation])
    assert np.array_equal(stored["label_malignant"], table.malignant[part.evaluation])
    assert np.array_equal(stored["label_worst_radius"], table.worst_radius[part.evaluation])
    assert table.malignant.sum() == 212
