"""A target beside the host: how far, in which unit, and what is news."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgeproof.converters.job import RunResult
from edgeproof.converters.precision import Precision
from edgeproof.converters.processor import Processor
from edgeproof.converters.tensors import write_calls
from edgeproof.validators.beside_host import Scales, beside_host, remark_on
from edgeproof.validators.steps import Beside

Array = np.ndarray[Any, np.dtype[Any]]
SCALES = Scales(steps={"y": 0.5}, floor={"y": 0.01})


def found(
    folder: Path, host: list[Array], there: list[Array], *, positions: tuple[int, ...] | None = None
) -> Beside | None:
    write_calls(folder / "host.npz", ({"y": array} for array in host))
    write_calls(folder / "there.npz", ({"y": array} for array in there))
    return beside_host(folder / "host.npz", folder / "there.npz", positions=positions, scales=SCALES)


def result(*features: str) -> RunResult:
    processor = Processor(machine="any", name="any", features=features)
    return RunResult(calls=1, median_call_seconds=0, made_by={"runtime": "1", "qemu": "10"}, processor=processor)


def test_equal_outputs_are_the_same_bits(tmp_path: Path):
    one = np.float32([1, np.nan, 3])
    beside = found(tmp_path, [one], [one])
    assert beside == Beside(max_abs=0.0, different=0, elements=3, steps=0.0, noise_ratio=0.0)


def test_a_difference_is_told_in_every_unit(tmp_path: Path):
    beside = found(tmp_path, [np.float32([1, 2])], [np.float32([1, 3])])
    assert beside == Beside(max_abs=1.0, different=1, elements=2, steps=2.0, noise_ratio=100.0)


def test_only_the_calls_that_ran_there_are_compared(tmp_path: Path):
    host = [np.float32([0]), np.float32([1]), np.float32([2])]
    beside = found(tmp_path, host, [np.float32([1]), np.float32([2])], positions=(1, 2))
    assert beside is not None
    assert (beside.different, beside.elements) == (0, 2)


def test_a_nan_on_one_side_and_another_shape_have_no_finite_difference(tmp_path: Path):
    for there in (np.float32([np.nan, 2]), np.float32([1, 2, 3])):
        beside = found(tmp_path, [np.float32([1, 2]), np.float32([1, 2])], [there, np.float32([1, 2])])
        assert beside is not None
        assert beside.max_abs is None
        assert beside.noise_ratio is None


def test_fixed_integers_that_differ_are_news_with_the_kernels():
    beside = Beside(max_abs=1.0, different=3, elements=10, steps=2.0, noise_ratio=100.0)
    text = remark_on(beside, Precision.INT8, host=result("avx2"), there=result("asimddp"))
    assert text is not None
    assert "3 of 10" in text
    assert "2 LSB" in text
    assert "avx2" in text
    assert "asimddp" in text
    assert "qemu" not in text


def test_rounding_is_no_news():
    rounding = Beside(max_abs=1e-7, different=3, elements=10, noise_ratio=1.0)
    assert remark_on(rounding, Precision.INT8, host=result(), there=result()) is None
    far = Beside(max_abs=1.0, different=3, elements=10, noise_ratio=100.0)
    assert remark_on(far, Precision.FP32, host=result(), there=result()) is None
    assert remark_on(far, Precision.INT8_DYNAMIC, host=result(), there=result()) is None
    same = Beside(max_abs=0.0, different=0, elements=10)
    assert remark_on(same, Precision.INT8, host=result(), there=result()) is None
